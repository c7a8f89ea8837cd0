import { Body, Headers, Param, Query, Res } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { byAdministrator } from '../actor.context.js';
import { entityTag } from '../../platform/http/entity.tag.js';
import { type Page, decodeCursor, toPage } from '../../platform/http/page.cursor.js';
import { CurrentCaller } from '../../session/guards/caller.decorator.js';
import { ApiController, ApiRoute } from '../../session/guards/api.route.js';
import type { Caller } from '../../session/principal.js';
import {
  keyPositionSchema,
  userListSchema,
  userChangeSchema,
  userDetailSchema,
  type listedUserSchema,
  usersQuerySchema,
} from './users.schemas.js';
import { idPositionSchema } from '../../directory/users/profile.input.js';
import { toListedUser, toUserDetail } from './user.mapper.js';
import type { UserRow } from '../../platform/database/database.schema.js';
import { UserDirectory, requireUserId } from '../../directory/users/user.directory.js';
import { AccountLifecycle } from '../account-lifecycle.service.js';
import { ProfileService } from '../profile.service.js';

/** Organisations in a user's details, at most. */
const maximumOrgs = 100;

type UserDetail = z.output<typeof userDetailSchema>;

/** The routes with which administrators list, change, disable and delete users. */
@ApiController('api/v1/users', { tag: 'users', role: 'admin', problems: ['database_unavailable'] })
export class UsersController {
  readonly #directory: UserDirectory;
  readonly #profiles: ProfileService;
  readonly #accounts: AccountLifecycle;

  constructor(directory: UserDirectory, profiles: ProfileService, accounts: AccountLifecycle) {
    this.#directory = directory;
    this.#profiles = profiles;
    this.#accounts = accounts;
  }

  @ApiRoute('GET', '', {
    scope: 'users:read',
    summary: 'List or search users',
    description:
      'Without `search` in the order in which they came; with it, those whose address matches come before those whose name does.',
    answer: { description: 'One page.', schema: userListSchema },
  })
  async list(
    @Query({ schema: usersQuerySchema }) { limit, cursor, ...filter }: z.output<typeof usersQuerySchema>,
  ): Promise<Page<z.output<typeof listedUserSchema>>> {
    const after =
      filter.search === undefined
        ? decodeCursor(idPositionSchema, cursor)
        : decodeCursor(keyPositionSchema, cursor);
    const users = await this.#directory.list(filter, limit + 1, after);
    return toPage(
      users,
      limit,
      ({ row }) => toListedUser(row),
      ({ position }) => position,
    );
  }

  @ApiRoute('GET', ':id', {
    scope: 'users:read',
    summary: 'One user',
    description: 'With identities and organisations.',
    ids: { id: 'Id of the user.' },
    answer: { description: 'The user.', schema: userDetailSchema },
    problems: ['not_found'],
  })
  async find(@Param('id') id: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<UserDetail> {
    return this.#answer(await this.#directory.require(id), reply);
  }

  @ApiRoute('PATCH', ':id', {
    scope: 'users:write',
    recentLogin: 'role',
    summary: 'Change a user',
    description:
      'Where Ory is the provider, name and picture are changed there first. Auth0 and OpenID providers say both anew at each login: there they are 403 here. Administrators can’t take the role from themselves, nor can the last one lose it.',
    ids: { id: 'Id of the user.' },
    answer: { description: 'Changed.', schema: userDetailSchema },
    problems: ['not_found', 'conflict', 'precondition_failed', 'provider_unavailable'],
  })
  @ApiHeader({ name: 'If-Match', required: false, description: '`ETag` of the answer that was changed.' })
  async change(
    @Param('id') id: string,
    @Body({ schema: userChangeSchema }) body: z.output<typeof userChangeSchema>,
    @Headers('if-match') ifMatch: string | undefined,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<UserDetail> {
    const act = byAdministrator(caller);
    return this.#answer(await this.#profiles.change(requireUserId(id), body, ifMatch, act), reply);
  }

  @ApiRoute('POST', ':id/disable', {
    scope: 'users:write',
    summary: 'Disable a user',
    description:
      'Every session is ended, also at the provider; tokens, API keys and logins are refused from now on.',
    ids: { id: 'Id of the user.' },
    answer: { description: 'Disabled.', schema: userDetailSchema },
    problems: ['not_found', 'conflict'],
  })
  async disable(
    @Param('id') id: string,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<UserDetail> {
    return this.#answer(await this.#accounts.disable(requireUserId(id), byAdministrator(caller)), reply);
  }

  @ApiRoute('POST', ':id/enable', {
    scope: 'users:write',
    summary: 'Enable a user',
    description: 'They can log in again; API keys work again.',
    ids: { id: 'Id of the user.' },
    answer: { description: 'Enabled.', schema: userDetailSchema },
    problems: ['not_found'],
  })
  async enable(
    @Param('id') id: string,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<UserDetail> {
    return this.#answer(await this.#accounts.enable(requireUserId(id), byAdministrator(caller)), reply);
  }

  @ApiRoute('DELETE', ':id', {
    scope: 'users:write',
    summary: 'Delete a user',
    description:
      'For good, with everything but the audit trail. Where Ory is the provider, the person is deleted there too; when it can’t be reached, nothing is. At Auth0 and OpenID providers the account is theirs and stays: logging in with it again makes a new user here.',
    ids: { id: 'Id of the user.' },
    answer: { description: 'Deleted.' },
    problems: ['not_found', 'conflict', 'provider_unavailable'],
  })
  async delete(@Param('id') id: string, @CurrentCaller() caller: Caller): Promise<void> {
    await this.#accounts.delete(requireUserId(id), byAdministrator(caller));
  }

  async #answer(row: UserRow, reply: FastifyReply): Promise<UserDetail> {
    const identities = await this.#directory.identitiesOf(row.id);
    const orgs = await this.#directory.orgsOf(row.id, maximumOrgs);
    void reply.header('etag', entityTag(row.version));
    return toUserDetail(row, identities, orgs);
  }
}
