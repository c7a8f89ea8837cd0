import { Body, Headers, Query, Res } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { entityTag } from '../../platform/http/entity-tag.js';
import { type PageQuery, decodeCursor, pageQuerySchema, toPage } from '../../platform/http/page-cursor.js';
import { CurrentUser } from '../../session/guards/access.decorators.js';
import { CurrentCaller } from '../../session/guards/caller.decorators.js';
import { ApiController, ApiRoute } from '../../session/guards/api-route.js';
import { type Caller, type Principal, isAdministrator } from '../../session/principal.js';
import { SessionCookie } from '../../session/cookie/session-cookie.js';
import { ApiKeysService } from '../../api-keys/api-keys.service.js';
import { UserDirectory } from '../../directory/users/user-directory.js';
import { toIdentity, toUser } from '../../directory/users/user.mapper.js';
import {
  meSchema,
  myIdentitiesSchema,
  myOrgsSchema,
  myProfileSchema,
  orgPositionSchema,
} from './me.schemas.js';
import { OwnProfile } from './own-profile.js';

/** The routes for the caller's own profile, organisations and identities. */
@ApiController('api/v1/me', { tag: 'account' })
export class MeController {
  constructor(
    private readonly profile: OwnProfile,
    private readonly directory: UserDirectory,
    private readonly cookie: SessionCookie,
    private readonly keys: ApiKeysService,
  ) {}

  @ApiRoute('GET', '', {
    scope: 'profile:read',
    summary: 'Get the caller',
    description: 'The answer comes from the caller’s token alone, without a database lookup.',
    answer: { description: 'The calling user.', schema: meSchema },
  })
  me(@CurrentUser() principal: Principal): z.output<typeof meSchema> {
    const { user, claims } = principal;
    return { ...user, role: isAdministrator(principal) ? 'admin' : 'user', org: claims.org ?? null };
  }

  @ApiRoute('GET', 'orgs', {
    scope: 'profile:read',
    summary: 'List the caller’s organisations',
    description: 'The organisations that the caller is a member of.',
    answer: { description: 'One page of organisations.', schema: myOrgsSchema },
    problems: ['database_unavailable'],
  })
  async orgs(
    @Query({ schema: pageQuerySchema }) { limit, cursor }: PageQuery,
    @CurrentUser() principal: Principal,
  ): Promise<z.output<typeof myOrgsSchema>> {
    const { claims } = principal;
    const only = await this.keys.vouchingOrgOf(principal);
    const after = decodeCursor(orgPositionSchema, cursor);
    const orgs = await this.directory.orgsOf(claims.sub, limit + 1, after?.id, only);
    return toPage(
      orgs,
      limit,
      (org) => ({ ...org, active: org.id === claims.org?.id }),
      ({ id }) => ({ id }),
    );
  }

  @ApiRoute('GET', 'identities', {
    scope: 'profile:read',
    summary: 'List my identities at login providers',
    description: 'The accounts at login providers with which the caller logs in, oldest first.',
    answer: { description: 'All identities.', schema: myIdentitiesSchema },
    problems: ['database_unavailable'],
  })
  async identities(@CurrentUser() { claims }: Principal): Promise<z.output<typeof myIdentitiesSchema>> {
    const identities = await this.directory.identitiesOf(claims.sub);
    return { items: identities.map(toIdentity), nextCursor: null };
  }

  @ApiRoute('PATCH', '', {
    scope: 'profile:write',
    summary: 'Change my name or picture',
    description:
      'With Ory as the login provider, the change is made there first. With Auth0 or another OpenID provider, name and picture come from the provider at each login, so this returns 403. The session cookie is replaced by one with the new claims; bearer tokens that the caller has are refused from then on.',
    answer: { description: 'Changed.', schema: meSchema },
    problems: [
      'forbidden',
      'not_found',
      'conflict',
      'precondition_failed',
      'session_too_large',
      'provider_unavailable',
      'database_unavailable',
    ],
  })
  @ApiHeader({
    name: 'If-Match',
    required: false,
    description:
      '`ETag` of the version that the change is based on. If the resource has changed since, the answer is 412.',
  })
  async change(
    @Body({ schema: myProfileSchema }) body: z.output<typeof myProfileSchema>,
    @Headers('if-match') ifMatch: string | undefined,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof meSchema>> {
    const { user, session } = await this.profile.change(caller, body, ifMatch);
    const { principal } = caller;
    if (session !== undefined && principal.credential === 'cookie') {
      this.cookie.write(reply, session.token);
    }
    void reply.header('etag', entityTag(user.version));
    const org = session === undefined ? principal.claims.org : session.claims.org;
    return { ...toUser(user), role: user.role, org: org ?? null };
  }
}
