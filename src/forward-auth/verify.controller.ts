import { Controller, Get, Req, Res, UseFilters } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiCookieAuth,
  ApiOperation,
  ApiResponse,
  ApiSecurity,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiOptionalQuery, ApiProblems } from '../platform/http/openapi.decorators.js';
import { AnyScope } from '../session/guards/access.decorators.js';
import { VerifyFilter } from './verify.filter.js';
import { Verification } from './verification.service.js';

/** Describes a response header in the API documentation. */
const header = (description: string) => ({ description, schema: { type: 'string' } });

/** Forward auth: a proxy asks whether a request may continue to an upstream, and who the caller is (docs/forward-auth.md). */
@ApiTags('auth')
@Controller('auth/verify')
@AnyScope()
@UseFilters(VerifyFilter)
export class VerifyController {
  constructor(private readonly verification: Verification) {}

  @Get()
  @ApiCookieAuth()
  @ApiBearerAuth()
  @ApiSecurity('apiKey')
  @ApiOperation({
    summary: 'Check a request (forward auth)',
    description:
      'For proxies (`auth_request` in nginx, `forward_auth` in Caddy, ForwardAuth in Traefik): decides whether a request may continue to the application. The original method and path are read from `X-Forwarded-Method` and `X-Forwarded-Uri`, if the proxy is in `TRUST_PROXY`. For a host in `PROTECTED_HOSTS`, that host’s own requirements apply too. Envoy appends the original path instead: `/auth/verify/role=admin/the/path`. For sessions and tokens, the answer comes from memory, without a call to the database or the provider.',
  })
  @ApiOptionalQuery('role', 'Role that the user must have in the deployment.', { enum: ['admin'] })
  @ApiOptionalQuery('scope', 'Scopes that the credential must cover, separated by spaces; `api` if left out.')
  @ApiOptionalQuery('org', 'Slug or id of the organisation that must be the active one.')
  @ApiOptionalQuery('org_role', 'Lowest role that the user must have in the active organisation.', {
    enum: ['member', 'admin', 'owner'],
  })
  @ApiOptionalQuery(
    'verified',
    '`true`: the e-mail address must be verified. Service accounts have none and are let through.',
    { enum: ['true'] },
  )
  @ApiOptionalQuery('acr', '`aal2`: the user must have logged in with a second factor.', { enum: ['aal2'] })
  @ApiOptionalQuery('redirect', '`true`: page loads without a session are redirected to the login.', {
    enum: ['true', 'false'],
  })
  @ApiOptionalQuery(
    'cookies',
    '`application`: the response has the request’s cookies without those of the gateway, for proxies that can’t remove them.',
    {
      enum: ['application'],
    },
  )
  @ApiResponse({
    status: 200,
    description: 'Allowed; the body is empty.',
    content: { 'text/plain': { schema: { type: 'string' } } },
    headers: {
      'X-Auth-User': header('Id of the local user.'),
      'X-Auth-Email': header('E-mail address, only if it is verified. Percent-encoded if it is not ASCII.'),
      'X-Auth-Name': header('Display name. Percent-encoded if it is not ASCII.'),
      'X-Auth-Org': header('Slug of the active organisation.'),
      'X-Auth-Org-Id': header('Id of the active organisation.'),
      'X-Auth-Org-Role': header('Role in the active organisation: `owner`, `admin` or `member`.'),
      'X-Auth-Roles': header('Comma-separated roles in the deployment.'),
      'X-Auth-Scope': header('Space-separated scopes.'),
      Authorization: header('`Bearer` and the token issued by this gateway for the caller.'),
      Cookie: header('With `cookies=application`: the request’s cookies without those of the gateway.'),
    },
  })
  @ApiResponse({
    status: 302,
    description:
      'With `redirect=true`: to the login, the second factor, or the verification of the e-mail address.',
  })
  @ApiProblems(
    'validation_failed',
    'unauthenticated',
    'reauthentication_required',
    'forbidden',
    'email_unverified',
    'insufficient_scope',
    'cross_site_request',
    'rate_limited',
  )
  byQuery(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void | Promise<void> {
    return this.verification.answer(request, reply);
  }
}
