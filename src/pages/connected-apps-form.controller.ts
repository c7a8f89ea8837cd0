import { Controller, Param, Post, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { connectedAppListSchema } from '../oauth/applications/connected-app.schemas.js';
import { CurrentUser } from '../session/guards/access.decorators.js';
import type { Principal } from '../session/principal.js';
import { ApiClient } from './api.client.js';
import { noContent, noticeOf, seeOther } from './form.answer.js';
import { NoticeSubjects } from './notice.subjects.js';

/** The forms of the account page's list of connected apps. */
@ApiExcludeController()
@Controller('account/connected-apps')
export class ConnectedAppsFormController {
  readonly #api: ApiClient;
  readonly #subjects: NoticeSubjects;

  constructor(api: ApiClient, subjects: NoticeSubjects) {
    this.#api = api;
    this.#subjects = subjects;
  }

  @Post(':id/revoke')
  async revoke(
    @Param('id') id: string,
    @CurrentUser() { claims }: Principal,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const list = '/api/v1/me/connected-apps';
    const { items } = await this.#api.read(request, list, connectedAppListSchema);
    const name = items.find(({ applicationId }) => applicationId === id)?.name ?? id;
    const call = { method: 'DELETE', path: `${list}/${encodeURIComponent(id)}` } as const;
    const change = this.#api.change(request, reply, call, noContent);
    const notice = await noticeOf(change, 'app_revoked', 'app_gone');
    const query = new URLSearchParams({ about: this.#subjects.seal(claims.sub, name) });
    await seeOther(reply, '/', notice, query);
  }
}
