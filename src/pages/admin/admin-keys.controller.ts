import { Body, Controller, Get, Post, Query, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { h } from 'preact';
import { z } from 'zod';
import { Problem } from '../../platform/errors/problem.error.js';
import { RequireRole } from '../../session/guards/access.decorators.js';
import { signingKeysSchema } from '../../operations/signing-keys/signing-keys.schemas.js';
import { ApiClient } from '../api.client.js';
import { formField, seeOther } from '../form-answer.js';
import { PageSender } from '../page-sender.js';
import { SigningKeysPage } from '../views/admin/signing-keys.view.js';
import { noticeIn, type PageNotice } from '../views/notice.view.js';

const path = '/api/v1/signing-keys';
const formSchema = z.object({ current: formField });

/** The administration's page of the keys that sign tokens. */
@ApiExcludeController()
@Controller('admin/keys')
@RequireRole('admin')
export class AdminKeysController {
  constructor(
    private readonly api: ApiClient,
    private readonly pages: PageSender,
  ) {}

  @Get()
  async list(@Query('notice') notice: unknown, @Res() reply: FastifyReply): Promise<void> {
    const { items: keys } = await this.api.read(reply.request, path, signingKeysSchema);
    await this.pages.send(reply, h(SigningKeysPage, { keys, notice: noticeIn(notice) }));
  }

  @Post('rotate')
  async rotate(
    @Body({ schema: formSchema }) { current }: z.output<typeof formSchema>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await seeOther(reply, '/admin/keys', await this.#rotate(reply, current));
  }

  /**
   * Rotates the signing keys, unless they were already rotated since the page was loaded.
   * @param kid id of the key that was current on the page.
   */
  async #rotate(reply: FastifyReply, kid: string): Promise<PageNotice> {
    const { items } = await this.api.read(reply.request, path, signingKeysSchema);
    if (items.find(({ state }) => state === 'current')?.kid !== kid) {
      return 'keys_rotated_before';
    }
    try {
      await this.api.change(reply, { method: 'POST', path: `${path}/rotate` }, signingKeysSchema);
      return 'keys_rotated';
    } catch (error) {
      if (error instanceof Problem && error.code === 'conflict') {
        return 'keys_rotated_before';
      }
      throw error;
    }
  }
}
