import { Body, Controller, Get, Headers, Patch, Query, Req, Res } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiCookieAuth,
  ApiHeader,
  ApiOperation,
  ApiResponse,
  ApiSecurity,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { originOf } from '../auth/request.origin.js';
import { entityTag } from '../http/entity.tag.js';
import { ApiProblems } from '../http/openapi.decorators.js';
import { decodeCursor, pageQuerySchema, toPage } from '../http/page.cursor.js';
import { CurrentUser, RequireScope } from '../session/access.decorators.js';
import type { Principal } from '../session/principal.js';
import { SessionCookie } from '../session/session.cookie.js';
import { UserDirectory } from '../users/user.directory.js';
import { toIdentity, toUser } from '../users/user.mapper.js';
import {
  meSchema,
  myIdentitiesSchema,
  myOrgsSchema,
  myProfileSchema,
  orgPositionSchema,
} from './me.schemas.js';
import { OwnProfile } from './own.profile.js';

/** The caller's own account. */
@ApiTags('account')
@ApiCookieAuth()
@ApiBearerAuth()
@ApiSecurity('apiKey')
@Controller('api/v1/me')
export class MeController {
  readonly #profile: OwnProfile;
  readonly #directory: UserDirectory;
  readonly #cookie: SessionCookie;

  constructor(profile: OwnProfile, directory: UserDirectory, cookie: SessionCookie) {
    this.#profile = profile;
    this.#directory = directory;
    this.#cookie = cookie;
  }

  @Get()
  @RequireScope('profile:read')
  @ApiOperation({ summary: 'The caller', description: 'Answered from the augmented token alone.' })
  @ApiResponse({ status: 200, description: 'The caller.', standardSchema: meSchema })
  @ApiProblems('unauthenticated', 'insufficient_scope')
  me(@CurrentUser() { user, claims }: Principal): z.output<typeof meSchema> {
    return { ...user, role: roleOf(claims), org: claims.org ?? null };
  }

  @Get('orgs')
  @RequireScope('profile:read')
  @ApiOperation({ summary: "The caller's organisations", description: 'Those they are a member of.' })
  @ApiResponse({ status: 200, description: 'One page.', standardSchema: myOrgsSchema })
  @ApiProblems('validation_failed', 'unauthenticated', 'insufficient_scope', 'database_unavailable')
  async orgs(
    @Query({ schema: pageQuerySchema }) { limit, cursor }: z.output<typeof pageQuerySchema>,
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

  @Get('identities')
  @RequireScope('profile:read')
  @ApiOperation({ summary: 'My logins', description: 'Who the caller is at login providers, oldest first.' })
  @ApiResponse({ status: 200, description: 'All of them.', standardSchema: myIdentitiesSchema })
  @ApiProblems('unauthenticated', 'insufficient_scope', 'database_unavailable')
  async identities(@CurrentUser() { claims }: Principal): Promise<z.output<typeof myIdentitiesSchema>> {
    const identities = await this.#directory.identitiesOf(claims.sub);
    return { items: identities.map(toIdentity), nextCursor: null };
  }

  @Patch()
  @RequireScope('profile:write')
  @ApiOperation({
    summary: 'Change my name or picture',
    description:
      'Where Ory is the provider, the change is made there first. Auth0 and OpenID providers say both anew at each login: there it is 403. The cookie gets the new claims; bearer tokens of the caller are refused from now on.',
  })
  @ApiHeader({ name: 'If-Match', required: false, description: '`ETag` of the answer that was changed.' })
  @ApiResponse({ status: 200, description: 'Changed.', standardSchema: meSchema })
  @ApiProblems(
    'validation_failed',
    'unauthenticated',
    'insufficient_scope',
    'forbidden',
    'cross_site_request',
    'not_found',
    'conflict',
    'precondition_failed',
    'unsupported_media_type',
    'session_too_large',
    'provider_unavailable',
    'database_unavailable',
  )
  async change(
    @Body({ schema: myProfileSchema }) body: z.output<typeof myProfileSchema>,
    @Headers('if-match') ifMatch: string | undefined,
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof meSchema>> {
    const { user, session } = await this.#profile.change(principal, body, ifMatch, originOf(request));
    if (session !== undefined && principal.credential === 'cookie') {
      this.#cookie.write(reply, session.token);
    }
    void reply.header('etag', entityTag(user.version));
    const org = session === undefined ? principal.claims.org : session.claims.org;
    return { ...toUser(user), role: user.role, org: org ?? null };
  }
}

function roleOf({ roles }: Principal['claims']): 'user' | 'admin' {
  return roles?.includes('admin') === true ? 'admin' : 'user';
}
