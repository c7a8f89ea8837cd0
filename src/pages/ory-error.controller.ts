import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { KratosClient } from '../kratos/kratos.client.js';
import { Public } from '../session/access.decorators.js';
import { AssetStore } from './asset.store.js';
import { sendPage } from './page.reply.js';
import { ErrorPage } from './views/error.view.js';

const kratosErrorSchema = z.looseObject({
  error: z.looseObject({ id: z.string().optional(), code: z.number().optional() }).optional(),
});

/** What Kratos says of an identity that may not log in. */
const refusedCode = 'kratos_401';
const refusedAdvice =
  'You may not log in. If you gave the right password, this account has been disabled: ask whoever administers it.';
const interruptedAdvice =
  'The login could not go on. This can happen when a page was open for a long time, or when cookies are off. Please start again.';

/** `GET /ui/error`: where Kratos (by `id`) and Hydra (by `error`) send people when a flow can't go on. */
@ApiExcludeController()
@Controller('ui/error')
@Public()
export class OryErrorController {
  readonly #kratos: KratosClient;
  readonly #assets: AssetStore;

  constructor(kratos: KratosClient, assets: AssetStore) {
    this.#kratos = kratos;
    this.#assets = assets;
  }

  @Get()
  async page(
    @Query('id') id: unknown,
    @Query('error') oauthError: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const code = typeof id === 'string' ? await this.#kratosCode(id) : codeOf(oauthError);
    request.log.warn({ reason: code }, 'Ory sent a person to the error page');
    const page = ErrorPage({
      assets: this.#assets.addresses,
      title: 'That did not work',
      advice: code === refusedCode ? refusedAdvice : interruptedAdvice,
      code,
      requestId: request.id,
      actions: [
        { label: 'Start again', href: '/auth/login' },
        { label: 'Back to the start', href: '/' },
      ],
    });
    await sendPage(reply.code(400), page);
  }

  async #kratosCode(id: string): Promise<string> {
    const parsed = kratosErrorSchema.safeParse(await this.#kratos.findError(id));
    const error = parsed.data?.error;
    return codeOf(error?.id ?? (error?.code === undefined ? undefined : `kratos_${error.code}`));
  }
}

/** Only codes are shown: descriptions come by the URL, which anybody can write. */
function codeOf(value: unknown): string {
  return typeof value === 'string' && /^[a-z0-9_]{1,64}$/.test(value) ? value : 'unknown_error';
}
