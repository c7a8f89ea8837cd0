import { Body, Headers, Query, Res } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { entityTag } from '../../platform/http/entity.tag.js';
import { type PageQuery, decodeCursor, pageQuerySchema, toPage } from '../../platform/http/page.cursor.js';
import { CurrentUser } from '../../session/guards/access.decorators.js';
import { CurrentCaller } from '../../session/guards/caller.decorator.js';
import { ApiController, ApiRoute } from '../../session/guards/api.route.js';
import { type Caller, type Principal, isAdministrator } from '../../session/principal.js';
import { SessionCookie } from '../../session/cookie/session.cookie.js';
import { UserDirectory } from '../../directory/users/user.directory.js';
import { toIdentity, toUser } from '../../directory/users/user.mapper.js';
import {
  meSchema,
  myIdentitiesSchema,
  myOrgsSchema,
  myProfileSchema,
  orgPositionSchema,
} from './me.schemas.js';
import { OwnProfile } from './own.profile.js';

/** The routes for the caller's own profile, organisations and identities. */
@ApiController('api/v1/me', { tag: 'account' })
export class MeController {
  readonly #profile: OwnProfile;
  readonly #directory: UserDirectory;
  readonly #cookie: SessionCookie;

  constructor(profile: OwnProfile, directory: UserDirectory, cookie: SessionCookie) {
    this.#profile = profile;
    this.#directory = directory;
    this.#cookie = cookie;
  }

  @ApiRoute('GET', '', {
    scope: 'profile:read',
    summary: 'The caller',
    description: 'Answered from the augmented token alone.',
    answer: { description: 'The caller.', schema: meSchema },
  })
  me(@CurrentUser() principal: Principal): z.output<typeof meSchema> {
    const { user, claims } = principal;
    return { ...user, role: isAdministrator(principal) ? 'admin' : 'user', org: claims.org ?? null };
  }

  @ApiRoute('GET', 'orgs', {
    scope: 'profile:read',
    summary: "The caller's organisations",
    description: 'Those they are a member of.',
    answer: { description: 'One page.', schema: myOrgsSchema },
    problems: ['database_unavailable'],
  })
  async orgs(
    @Query({ schema: pageQuerySchema }) { limit, cursor }: PageQuery,
    @CurrentUser() { claims }: Principal,
  ): Promise<z.output<typeof myOrgsSchema>> {
    const after = decodeCursor(orgPositionSchema, cursor);
    const orgs = await this.#directory.orgsOf(claims.sub, limit + 1, after?.id);
    return toPage(
      orgs,
      limit,
      (org) => ({ ...org, active: org.id === claims.org?.id }),
      ({ id }) => ({ id }),
    );
  }

  @ApiRoute('GET', 'identities', {
    scope: 'profile:read',
    summary: 'My logins',
    description: 'Who the caller is at login providers, oldest first.',
    answer: { description: 'All of them.', schema: myIdentitiesSchema },
    problems: ['database_unavailable'],
  })
  async identities(@CurrentUser() { claims }: Principal): Promise<z.output<typeof myIdentitiesSchema>> {
    const identities = await this.#directory.identitiesOf(claims.sub);
    return { items: identities.map(toIdentity), nextCursor: null };
  }

  @ApiRoute('PATCH', '', {
    scope: 'profile:write',
    summary: 'Change my name or picture',
    description:
      'Where Ory is the provider, the change is made there first. Auth0 and OpenID providers say both anew at each login: there it is 403. The cookie gets the new claims; bearer tokens of the caller are refused from now on.',
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
  @ApiHeader({ name: 'If-Match', required: false, description: '`ETag` of the answer that was changed.' })
  async change(
    @Body({ schema: myProfileSchema }) body: z.output<typeof myProfileSchema>,
    @Headers('if-match') ifMatch: string | undefined,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof meSchema>> {
    const { user, session } = await this.#profile.change(caller, body, ifMatch);
    const { principal } = caller;
    if (session !== undefined && principal.credential === 'cookie') {
      this.#cookie.write(reply, session.token);
    }
    void reply.header('etag', entityTag(user.version));
    const org = session === undefined ? principal.claims.org : session.claims.org;
    return { ...toUser(user), role: user.role, org: org ?? null };
  }
}
