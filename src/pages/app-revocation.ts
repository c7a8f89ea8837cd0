import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { connectedAppListSchema } from '../oauth/applications/connected-app.schemas.js';
import { principalOf } from '../session/principal.js';
import { ApiClient } from './api.client.js';
import { noContent, noticeOf, seeOther } from './form-answer.js';
import { NoticeSubjects } from './notice-subjects.js';

/** A connected app in a list of the API. */
export interface ListedApp {
  /** Path of the list at the API. */
  readonly list: string;
  readonly applicationId: string;
}

/** Carries out the forms that revoke the access of a connected app. */
@Injectable()
export class AppRevocation {
  constructor(
    private readonly api: ApiClient,
    private readonly subjects: NoticeSubjects,
  ) {}

  /** Revokes the access, and redirects to the page that shows the list. The notice there names the application. */
  async revoke(
    request: FastifyRequest,
    reply: FastifyReply,
    { list, applicationId }: ListedApp,
    page: string,
  ): Promise<void> {
    const { items } = await this.api.read(request, list, connectedAppListSchema);
    const name = items.find((item) => item.applicationId === applicationId)?.name ?? applicationId;
    const call = { method: 'DELETE', path: `${list}/${encodeURIComponent(applicationId)}` } as const;
    const notice = await noticeOf(
      this.api.change(request, reply, call, noContent),
      'app_revoked',
      'app_gone',
    );
    const viewer = principalOf(request)?.claims.sub ?? '';
    await seeOther(reply, page, notice, new URLSearchParams({ about: this.subjects.seal(viewer, name) }));
  }
}
