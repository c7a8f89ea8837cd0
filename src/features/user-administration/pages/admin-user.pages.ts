import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { h } from 'preact';
import type { z } from 'zod';
import { keyListSchema } from '../../../api-keys/api-key.schemas.js';
import { sessionsAnswerSchema } from '../../../accounts/sessions/sessions.schemas.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import { CONFIGURATION } from '../../../platform/config/config.module.js';
import type { Configuration } from '../../../platform/config/configuration.js';
import { userDetailSchema } from '../users.schemas.js';
import { principalOf } from '../../../session/principal.js';
import { ApiClient } from '../../../pages/api.client.js';
import { FeatureParts } from '../../../pages/feature-parts.js';
import { NoticeSubjects } from '../../../pages/notice-subjects.js';
import { sessionPagesOf, sessionsAt } from '../../../pages/session-pages.js';
import { PageSender } from '../../../pages/page-sender.js';
import { UserQuestionPage, type UserQuestionPageProps } from '../views/user-question.view.js';
import { UserPage } from '../views/user.view.js';
import type { PageNotice } from '../../../pages/views/notice.view.js';
import { idPart } from '../../../pages/admin/admin-addresses.js';
import type { Refusal } from '../../../pages/admin/admin-refusals.js';

/** What the user's page shows besides the user: the outcome of the last form, and where in the list of sessions. */
export interface UserNews {
  readonly notice?: PageNotice | undefined;
  /** The sealed name of what the notice is about. */
  readonly about?: unknown;
  readonly refusal?: Refusal;
  /** Cursor of the page of sessions to show; undefined for the first one. */
  readonly sessionsCursor?: string | undefined;
}

/** Sends the administration's page of one user, which several forms return to. */
@Injectable()
export class AdminUserPages {
  readonly #isOry: boolean;

  constructor(
    private readonly api: ApiClient,
    private readonly pages: PageSender,
    private readonly subjects: NoticeSubjects,
    private readonly parts: FeatureParts,
    @Inject(CONFIGURATION) { AUTH_PROVIDER }: Configuration,
  ) {
    this.#isOry = AUTH_PROVIDER === 'ory';
  }

  /** Reads the user from the API. @throws {Problem} `not_found` */
  async find(request: FastifyRequest, id: string): Promise<z.output<typeof userDetailSchema>> {
    return this.api.read(request, `/api/v1/users/${idPart(id)}`, userDetailSchema);
  }

  /** Sends the user's page. @throws {Problem} `not_found` */
  async send(
    reply: FastifyReply,
    id: string,
    { notice, about, refusal, sessionsCursor }: UserNews = {},
  ): Promise<void> {
    const path = `/api/v1/users/${idPart(id)}`;
    const [user, sessions, keys, apps] = await Promise.all([
      this.find(reply.request, id),
      this.api.read(reply.request, sessionsAt(`${path}/sessions`, sessionsCursor), sessionsAnswerSchema),
      this.api.read(reply.request, `${path}/api-keys?limit=100`, keyListSchema),
      this.parts.applications.connectedApps(async (...part) => this.#readPart(reply.request, ...part), id),
    ]);
    const viewer = principalOf(reply.request)?.claims.sub ?? '';
    const page = h(UserPage, {
      user,
      isSelf: user.id === viewer,
      canRecover: this.#isOry,
      apps,
      sessions: sessions.items,
      sessionPages: sessionPagesOf(`/admin/users/${idPart(id)}`, sessionsCursor, sessions.nextCursor),
      keys: keys.items,
      notice,
      about: this.subjects.open(viewer, about),
      refusal: refusal?.detail,
    });
    await this.pages.send(refusal === undefined ? reply : reply.code(refusal.status), page);
  }

  /** Sends the page that asks for confirmation of an action. @param refusal why the API refused it. @throws {Problem} `not_found` */
  async ask(
    reply: FastifyReply,
    id: string,
    question: UserQuestionPageProps['question'],
    refusal?: Refusal,
  ): Promise<void> {
    const page = h(UserQuestionPage, {
      user: await this.find(reply.request, id),
      question,
      refusal: refusal?.detail,
    });
    await this.pages.send(refusal === undefined ? reply : reply.code(refusal.status), page);
  }

  /** Undefined if the provider can't be asked: the rest of the page is shown without them. */
  async #readPart<Schema extends z.ZodType>(
    request: FastifyRequest,
    path: string,
    schema: Schema,
  ): Promise<z.output<Schema> | undefined> {
    try {
      return await this.api.read(request, path, schema);
    } catch (error) {
      if (error instanceof Problem && error.code === 'provider_unavailable') {
        return undefined;
      }
      throw error;
    }
  }
}
