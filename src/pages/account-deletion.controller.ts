import { Controller, Get, Post, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { h } from 'preact';
import { Problem } from '../platform/errors/problem.error.js';
import { UserDirectory } from '../directory/users/user-directory.js';
import type { TextKey } from '../platform/i18n/locales/en.js';
import { CurrentUser } from '../session/guards/access.decorators.js';
import type { Principal } from '../session/principal.js';
import { RequireAuthAge } from '../session/guards/step-up.decorators.js';
import { refusalOf } from './admin/admin-refusals.js';
import { ApiClient } from './api.client.js';
import { noContent, seeOther } from './form-answer.js';
import { PageSender } from './page-sender.js';
import { DeleteAccountPage } from './views/account-data.view.js';

/** Maximum age of the login in seconds, the same as in the API: people log in again before they see the question, not after. */
const recently = 300;
const path = '/account/delete';

/** What the page shows if the API refuses, by the reason. Others are shown as the API states them. */
const refusals: Readonly<Record<string, TextKey>> = {
  last_administrator: 'account.delete.lastAdministrator',
  only_owner: 'account.delete.onlyOwner',
};

/** The page that deletes a person's own account, after asking for confirmation. */
@ApiExcludeController()
@Controller('account/delete')
export class AccountDeletionController {
  constructor(
    private readonly api: ApiClient,
    private readonly pages: PageSender,
    private readonly users: UserDirectory,
  ) {}

  @Get()
  @RequireAuthAge(recently)
  async ask(@CurrentUser() { claims }: Principal, @Res() reply: FastifyReply): Promise<void> {
    await this.pages.send(reply, h(DeleteAccountPage, { provider: claims.idp }));
  }

  @Post()
  async delete(@CurrentUser() { claims }: Principal, @Res() reply: FastifyReply): Promise<void> {
    try {
      await this.api.change(reply, { method: 'DELETE', path: '/api/v1/me' }, noContent);
    } catch (error) {
      if (error instanceof Problem && error.code === 'reauthentication_required') {
        // The login became too old while the page was open: loading the page again leads to a login and back.
        await seeOther(reply, path);
        return;
      }
      const { status, detail, reason } = refusalOf(error);
      void reply.code(status);
      const orgs = reason === 'only_owner' ? await this.users.orgsOwnedAlone(claims.sub) : [];
      const problem = refusals[reason];
      const page = h(DeleteAccountPage, { provider: claims.idp, problem, orgs, stated: detail });
      await this.pages.send(reply, page);
      return;
    }
    await seeOther(reply, '/', 'account_deleted');
  }
}
