import { Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { type ComponentChild, h } from 'preact';
import { idPart } from '../../../pages/admin/admin-addresses.js';
import { ApiClient } from '../../../pages/api.client.js';
import type { PartReader } from '../../../pages/feature-parts.js';
import { noContent, noticeOf, seeOther } from '../../../pages/form-answer.js';
import { NoticeSubjects } from '../../../pages/notice-subjects.js';
import { principalOf } from '../../../session/principal.js';
import { connectedAppListSchema } from '../connected-app.schemas.js';
import { ConnectedApps } from '../views/connected-apps.view.js';

/** What the account page, and the administration's page of a user, show of connected apps; and the forms there that revoke their access. */
@Injectable()
export class ConnectedAppsPages {
  constructor(
    private readonly api: ApiClient,
    private readonly subjects: NoticeSubjects,
  ) {}

  /** The list on a page. @param userId of another user; undefined for the viewer. */
  async part(read: PartReader, userId?: string): Promise<ComponentChild> {
    const apps = await read(listOf(userId), connectedAppListSchema);
    const page = userId === undefined ? '/account' : pageOf(userId);
    return h(ConnectedApps, {
      apps: apps?.items,
      revokeAt: `${page}/connected-apps`,
      isOwn: userId === undefined,
    });
  }

  /** Revokes the access, and redirects to the page that shows the list. The notice there names the application. */
  async revoke(reply: FastifyReply, applicationId: string, userId?: string): Promise<void> {
    const list = listOf(userId);
    const { items } = await this.api.read(reply.request, list, connectedAppListSchema);
    const name = items.find((item) => item.applicationId === applicationId)?.name ?? applicationId;
    const call = { method: 'DELETE', path: `${list}/${encodeURIComponent(applicationId)}` } as const;
    const notice = await noticeOf(this.api.change(reply, call, noContent), 'app_revoked', 'app_gone');
    const about = this.subjects.seal(principalOf(reply.request)?.claims.sub ?? '', name);
    await seeOther(reply, pageOf(userId), notice, new URLSearchParams({ about }));
  }
}

/** Path of the list at the API. @throws {Problem} `not_found` if the id can't be one. */
function listOf(userId: string | undefined): string {
  return `/api/v1/${userId === undefined ? 'me' : `users/${idPart(userId)}`}/connected-apps`;
}

/** Path of the page that shows the list. */
function pageOf(userId: string | undefined): string {
  return userId === undefined ? '/' : `/admin/users/${idPart(userId)}`;
}
