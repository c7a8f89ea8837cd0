import { Body, Controller, HttpCode, Param, Post, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { h } from 'preact';
import type { z } from 'zod';
import { createdKeySchema } from '../api-keys/api-key.schemas.js';
import { Clock } from '../platform/time/clock.service.js';
import { CurrentUser } from '../session/guards/access.decorators.js';
import type { Principal } from '../session/principal.js';
import { AccountPages } from './account.pages.js';
import { leadingBackTo } from './admin/admin-refusals.js';
import { ApiClient } from './api.client.js';
import { noContent, noticeOf, seeOther } from './form-answer.js';
import { formErrorsOf } from './form-errors.js';
import { endOf, keyFormSchema, keyFormTexts, scopeIn, wrongLife } from './key.form.js';
import { PageSender } from './page-sender.js';
import { CreatedKeyPage } from './views/api-keys.view.js';

/** The forms of the account page's list of API keys. */
@ApiExcludeController()
@Controller('account/api-keys')
export class ApiKeysFormController {
  constructor(
    private readonly api: ApiClient,
    private readonly pages: PageSender,
    private readonly account: AccountPages,
    private readonly clock: Clock,
  ) {}

  /** Creates a key. Only this response shows it: a redirect would have to store it somewhere. */
  @Post()
  @HttpCode(200)
  async create(
    @Body({ schema: keyFormSchema }) values: z.output<typeof keyFormSchema>,
    @CurrentUser() principal: Principal,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { name, life } = values;
    const expiresAt = endOf(life, this.clock.now());
    const scope = scopeIn(values, this.pages.frame(reply.request).scopes.keys());
    const body = { name, scope, expiresAt };
    const call = { method: 'POST', path: '/api/v1/api-keys', body } as const;
    const made =
      expiresAt === undefined
        ? wrongLife(values)
        : await this.api
            .change(reply, call, createdKeySchema)
            .catch((error: unknown) => formErrorsOf(leadingBackTo('/', error), values, keyFormTexts));
    void reply.header('cache-control', 'no-store');
    if ('form' in made) {
      void reply.code(made.status);
      await this.account.send(reply, principal, { keyForm: made.form });
      return;
    }
    await this.pages.send(reply, h(CreatedKeyPage, { name: made.name, value: made.key }));
  }

  @Post(':id/revoke')
  async revoke(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    const call = { method: 'DELETE', path: `/api/v1/api-keys/${encodeURIComponent(id)}` } as const;
    const change = this.api.change(reply, call, noContent);
    await seeOther(reply, '/', await noticeOf(change, 'key_revoked', 'key_gone'));
  }
}
