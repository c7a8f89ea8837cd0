import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { h } from 'preact';
import type { z } from 'zod';
import { keyListSchema } from '../../api-keys/api-key.schemas.js';
import { sessionsAnswerSchema } from '../../auth/sessions.schemas.js';
import { CONFIGURATION } from '../../config/config.module.js';
import type { Configuration } from '../../config/configuration.js';
import { personDetailSchema } from '../../people/people.schemas.js';
import { principalOf } from '../../session/principal.js';
import { ApiClient } from '../api.client.js';
import { PageSender } from '../page.sender.js';
import { UserPage } from '../views/admin/user.view.js';
import type { PageNotice } from '../views/notice.view.js';
import { idPart } from './admin.addresses.js';
import type { Refusal } from './admin.refusals.js';

/** What has just happened to the user. */
export interface UserNews {
  readonly notice?: PageNotice | undefined;
  readonly refusal?: Refusal;
}

/** The page of one user, which several forms lead back to. */
@Injectable()
export class AdminUserPages {
  readonly #api: ApiClient;
  readonly #pages: PageSender;
  readonly #canRecover: boolean;

  constructor(api: ApiClient, pages: PageSender, @Inject(CONFIGURATION) { AUTH_PROVIDER }: Configuration) {
    this.#api = api;
    this.#pages = pages;
    this.#canRecover = AUTH_PROVIDER === 'ory';
  }

  /** The user, as the API has them. @throws {Problem} `not_found` */
  async find(request: FastifyRequest, id: string): Promise<z.output<typeof personDetailSchema>> {
    return this.#api.read(request, `/api/v1/users/${idPart(id)}`, personDetailSchema);
  }

  /** @throws {Problem} `not_found` */
  async send(
    request: FastifyRequest,
    reply: FastifyReply,
    id: string,
    { notice, refusal }: UserNews = {},
  ): Promise<void> {
    const path = `/api/v1/users/${idPart(id)}`;
    const [user, sessions, keys] = await Promise.all([
      this.find(request, id),
      this.#api.read(request, `${path}/sessions`, sessionsAnswerSchema),
      this.#api.read(request, `${path}/api-keys?limit=100`, keyListSchema),
    ]);
    const page = h(UserPage, {
      user,
      isSelf: user.id === principalOf(request)?.claims.sub,
      canRecover: this.#canRecover,
      sessions: sessions.items,
      keys: keys.items,
      notice,
      refusal: refusal?.detail,
    });
    await this.#pages.send(request, refusal === undefined ? reply : reply.code(refusal.status), page);
  }
}
