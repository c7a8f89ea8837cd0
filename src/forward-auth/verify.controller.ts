import { Controller, Get, Req, Res, UseFilters } from '@nestjs/common';
import { ApiBearerAuth, ApiCookieAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
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
  readonly #verification: Verification;

  constructor(verification: Verification) {
    this.#verification = verification;
  }

  @Get()
  @ApiCookieAuth()
  @ApiBearerAuth()
  @ApiOperation({
    summary: 'May this request go on?',
    description:
      'For proxies (`auth_request`, `forward_auth`, ForwardAuth). The original method and path are taken from `X-Forwarded-Method` and `X-Forwarded-Uri` of a proxy in `TRUST_PROXY`. At a host in `PROTECTED_HOSTS`, what that host requires must hold too. Envoy appends the path: `/auth/verify/role=admin/the/path`. Nothing but memory is asked.',
  })
  @ApiOptionalQuery('role', 'Role in the deployment.', { enum: ['admin'] })
  @ApiOptionalQuery('scope', 'Scopes that must be covered, with a blank between them; `api` when absent.')
  @ApiOptionalQuery('org', 'Slug or id of the organisation that must be the active one.')
  @ApiOptionalQuery('org_role', 'Least role in the active organisation.', {
    enum: ['member', 'admin', 'owner'],
  })
  @ApiOptionalQuery(
    'verified',
    'Whether the e-mail address must be verified; service accounts have none, and pass.',
    { enum: ['true'] },
  )
  @ApiOptionalQuery('acr', '`aal2`: the login must have had a second factor.', { enum: ['aal2'] })
  @ApiOptionalQuery('redirect', 'Whether page loads without a session are redirected to log in.', {
    enum: ['true', 'false'],
  })
  @ApiOptionalQuery('cookies', "Whether the answer has the request's cookies that are the application's.", {
    enum: ['application'],
  })
  @ApiResponse({
    status: 200,
    description: 'It may; the body is empty.',
    content: { 'text/plain': { schema: { type: 'string' } } },
    headers: {
      'X-Auth-User': header('Id of the local user.'),
      'X-Auth-Email': header('Only when it is verified. Percent-encoded where it is not ASCII.'),
      'X-Auth-Name': header('Percent-encoded where it is not ASCII.'),
      'X-Auth-Org': header('Slug of the active organisation.'),
      'X-Auth-Org-Id': header('Its id.'),
      'X-Auth-Org-Role': header('`owner`, `admin` or `member`.'),
      'X-Auth-Roles': header('Comma list.'),
      'X-Auth-Scope': header('Space-separated scopes.'),
      Authorization: header('`Bearer` and the augmented token.'),
      Cookie: header("With `cookies=application`: the request's cookies that are the application's own."),
    },
  })
  @ApiResponse({
    status: 302,
    description: 'To log in, also with a second factor, or to verify the address, with `redirect=true`.',
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
    return this.#verification.answer(request, reply);
  }
}
