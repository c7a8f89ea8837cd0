import { Body, Headers, Param, Query, Res } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { byAdministrator } from '../../accounts/actor-context.js';
import { entityTag } from '../../platform/http/entity-tag.js';
import { type Page, decodeCursor, toPage } from '../../platform/http/page-cursor.js';
import { CurrentCaller } from '../../session/guards/caller.decorators.js';
import { ApiController, ApiRoute } from '../../session/guards/api-route.js';
import type { Caller } from '../../session/principal.js';
import {
  keyPositionSchema,
  userListSchema,
  userChangeSchema,
  userDetailSchema,
  type listedUserSchema,
  usersQuerySchema,
} from './users.schemas.js';
import { idPositionSchema } from '../../directory/users/profile-input.js';
import { toListedUser, toUserDetail } from './user.mapper.js';
import type { UserRow } from '../../platform/database/database.schema.js';
import { UserDirectory, requireUserId } from '../../directory/users/user-directory.js';
import { AccountLifecycle } from '../../accounts/account-lifecycle.service.js';
import { ProfileService } from '../../accounts/profile.service.js';

/** Organisations in a user's details, at most. */
const maximumOrgs = 100;

type UserDetail = z.output<typeof userDetailSchema>;

/** The routes with which administrators list, change, disable and delete users. */
@ApiController('api/v1/users', { tag: 'users', role: 'admin', problems: ['database_unavailable'] })
export class UsersController {
  constructor(
    private readonly directory: UserDirectory,
    private readonly profiles: ProfileService,
    private readonly accounts: AccountLifecycle,
  ) {}

  @ApiRoute('GET', '', {
    scope: 'users:read',
    summary: 'List or search users',
    description:
      'Without `search`, users are listed in the order in which they were created. With it, matches of the e-mail address come before matches of the name.',
    answer: { description: 'One page of users.', schema: userListSchema },
  })
  async list(
    @Query({ schema: usersQuerySchema }) { limit, cursor, ...filter }: z.output<typeof usersQuerySchema>,
  ): Promise<Page<z.output<typeof listedUserSchema>>> {
    const after =
      filter.search === undefined
        ? decodeCursor(idPositionSchema, cursor)
        : decodeCursor(keyPositionSchema, cursor);
    const users = await this.directory.list(filter, limit + 1, after);
    const shared = await this.directory.sharedAmong(users.map(({ row }) => row));
    return toPage(
      users,
      limit,
      ({ row }) => toListedUser(row, shared),
      ({ position }) => position,
    );
  }

  @ApiRoute('GET', ':id', {
    scope: 'users:read',
    summary: 'Get a user',
    description: 'Includes the user’s identities at login providers and their organisations.',
    ids: { id: 'Id of the user.' },
    answer: { description: 'The user.', schema: userDetailSchema },
    problems: ['not_found'],
  })
  async find(@Param('id') id: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<UserDetail> {
    return this.#answer(await this.directory.require(id), reply);
  }

  @ApiRoute('PATCH', ':id', {
    scope: 'users:write',
    recentLogin: 'role',
    summary: 'Change a user',
    description:
      'With Ory as the login provider, name and picture are changed there first. With Auth0 or another OpenID provider, name and picture come from the provider at each login, so changing them returns 403. Administrators can’t remove the `admin` role from themselves, and the last administrator can’t lose it.',
    ids: { id: 'Id of the user.' },
    answer: { description: 'Changed.', schema: userDetailSchema },
    problems: ['not_found', 'conflict', 'precondition_failed', 'provider_unavailable'],
  })
  @ApiHeader({
    name: 'If-Match',
    required: false,
    description:
      '`ETag` of the version that the change is based on. If the resource has changed since, the answer is 412.',
  })
  async change(
    @Param('id') id: string,
    @Body({ schema: userChangeSchema }) body: z.output<typeof userChangeSchema>,
    @Headers('if-match') ifMatch: string | undefined,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<UserDetail> {
    const act = byAdministrator(caller);
    return this.#answer(await this.profiles.change(requireUserId(id), body, ifMatch, act), reply);
  }

  @ApiRoute('POST', ':id/disable', {
    scope: 'users:write',
    summary: 'Disable a user',
    description:
      'All sessions end, here and at the provider. From then on, the user’s tokens, API keys and logins are refused.',
    ids: { id: 'Id of the user.' },
    answer: { description: 'Disabled.', schema: userDetailSchema },
    problems: ['not_found', 'conflict'],
  })
  async disable(
    @Param('id') id: string,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<UserDetail> {
    return this.#answer(await this.accounts.disable(requireUserId(id), byAdministrator(caller)), reply);
  }

  @ApiRoute('POST', ':id/enable', {
    scope: 'users:write',
    summary: 'Enable a user',
    description: 'The user can log in again, and their API keys work again.',
    ids: { id: 'Id of the user.' },
    answer: { description: 'Enabled.', schema: userDetailSchema },
    problems: ['not_found', 'conflict'],
  })
  async enable(
    @Param('id') id: string,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<UserDetail> {
    return this.#answer(await this.accounts.enable(requireUserId(id), byAdministrator(caller)), reply);
  }

  @ApiRoute('DELETE', ':id', {
    scope: 'users:write',
    summary: 'Delete a user',
    description:
      'Deletes the user permanently, with all their data except the audit trail. With Ory as the login provider, the user is also deleted there; if Ory can’t be reached, nothing is deleted. With Auth0 or another OpenID provider, the account there stays: logging in with it again creates a new user here.',
    ids: { id: 'Id of the user.' },
    answer: { description: 'Deleted.' },
    problems: ['not_found', 'conflict', 'owner_needed', 'provider_unavailable'],
  })
  async delete(@Param('id') id: string, @CurrentCaller() caller: Caller): Promise<void> {
    await this.accounts.delete(requireUserId(id), byAdministrator(caller));
  }

  async #answer(row: UserRow, reply: FastifyReply): Promise<UserDetail> {
    const identities = await this.directory.identitiesOf(row.id);
    const orgs = await this.directory.orgsOf(row.id, maximumOrgs);
    void reply.header('etag', entityTag(row.version));
    return toUserDetail(row, identities, orgs, await this.directory.sharedAmong([row]));
  }
}
