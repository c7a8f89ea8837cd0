import { Controller, Get, Inject, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CONFIGURATION } from '../platform/config/config.module.js';
import type { Configuration } from '../platform/config/configuration.js';
import { ApiOptionalQuery, ApiProblems } from '../platform/http/openapi.decorators.js';
import { safeReturnTo } from '../platform/http/return-target.js';
import { AnySession, CurrentUser, Public } from '../session/guards/access.decorators.js';
import { RequiredFactors } from '../directory/users/required-factors.js';
import type { Principal } from '../session/principal.js';
import { SessionCookie } from '../session/cookie/session-cookie.js';
import { invitationPath, inviteTokenIn } from '../accounts/invite-link.js';
import { stepUpRequirementOf } from '../auth-strategy/step-up-requirement.js';
import { LoginService } from './login.service.js';
import { type LoginRequest, LoginStarter, maximumHintLength } from './login-starter.js';
import { LoginTransactions } from './login-transaction.js';
import { RateLimited } from '../session/guards/rate-limited.decorators.js';
import { clientInfoOf } from '../platform/http/client-info.js';

const ReturnTo = ApiOptionalQuery(
  'return_to',
  'Path on this origin to return to afterwards; anything else becomes `/`.',
  { example: '/docs' },
);
const Invite = ApiOptionalQuery(
  'invite',
  'Token of an invite to an organisation. After the login, a page names the organisation and asks whether to accept the invite; it is never accepted automatically.',
);

const LoginHint = ApiOptionalQuery(
  'login_hint',
  'Who is expected to log in, such as an e-mail address. It is filled in on the login page.',
  { maxLength: maximumHintLength },
);
const Locales = ApiOptionalQuery(
  'ui_locales',
  'Languages for the pages of this login, in order of preference, separated by spaces.',
  { maxLength: maximumHintLength, example: 'de en' },
);

/** The routes of the browser's login: to the provider, and back with its answer. */
@ApiTags('auth')
@Controller('auth')
export class BrowserLoginController {
  readonly #publicUrl: string;

  constructor(
    private readonly starter: LoginStarter,
    private readonly logins: LoginService,
    private readonly transactions: LoginTransactions,
    private readonly cookie: SessionCookie,
    private readonly factors: RequiredFactors,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#publicUrl = configuration.PUBLIC_URL;
  }

  @Get('login')
  @Public()
  @RateLimited('start-address', 'all')
  @ApiOperation({
    summary: 'Start a login',
    description:
      'Redirects the browser to the login provider. `max_age` or `acr_values` makes it a step-up: the login is refused unless the provider has done what was asked.',
  })
  @ReturnTo
  @Invite
  @LoginHint
  @Locales
  @ApiOptionalQuery(
    'max_age',
    'Maximum number of seconds since the user last gave credentials; 0 always asks for them again.',
    {
      type: 'integer',
      minimum: 0,
      maximum: 31_536_000,
    },
  )
  @ApiOptionalQuery('acr_values', '`aal2`: a second factor is required.', { enum: ['aal2'] })
  @ApiResponse({ status: 302, description: 'Redirect to the login provider.' })
  @ApiProblems('rate_limited', 'provider_misconfigured', 'provider_unavailable')
  async login(
    @Query('return_to') returnTo: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const destination = this.#returnTo(returnTo, request);
    const query = queryOf(request);
    const demand = stepUpRequirementOf(query);
    await this.#start({ kind: 'login', returnTo: destination, demand, attempt: 1, query }, reply);
  }

  @Get('signup')
  @Public()
  @RateLimited('start-address', 'all')
  @ApiOperation({
    summary: 'Start a sign-up',
    description: 'Redirects the browser to the login provider to create an account.',
  })
  @ReturnTo
  @Invite
  @LoginHint
  @Locales
  @ApiResponse({ status: 302, description: 'Redirect to the login provider.' })
  @ApiProblems('signup_refused', 'rate_limited', 'provider_misconfigured', 'provider_unavailable')
  async signup(
    @Query('return_to') returnTo: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const destination = this.#returnTo(returnTo, request);
    const query = queryOf(request);
    await this.#start({ kind: 'signup', returnTo: destination, demand: {}, attempt: 1, query }, reply);
  }

  @Get('callback')
  @AnySession()
  @ApiOperation({
    summary: 'Receive the login provider’s answer',
    description:
      'The address to which the login provider redirects the browser after a login. The authorization code is exchanged for an access token, and that for a session cookie.',
  })
  @ApiQuery({
    name: 'state',
    required: true,
    description: 'Value that ties the answer to a login started in this browser.',
    schema: { type: 'string' },
  })
  @ApiOptionalQuery('code', 'The authorization code, if the login succeeded.')
  @ApiOptionalQuery('error', 'The OAuth error code, if the login failed.')
  @ApiResponse({ status: 302, description: 'Logged in: redirect to `return_to`.' })
  @ApiProblems(
    'login_state_invalid',
    'login_refused',
    'signup_refused',
    'access_token_rejected',
    'provider_misconfigured',
    'provider_unavailable',
    'clocks_differ',
  )
  async callback(
    @Query('state') state: unknown,
    @CurrentUser({ optional: true }) previous: Principal | undefined,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const transaction = this.transactions.take(reply, state);
    const answer = new URL(request.url, this.#publicUrl);
    const login = await this.logins.complete(answer, transaction, previous, clientInfoOf(request));
    if (login === undefined) {
      const { returnTo, demand, attempt } = transaction;
      // The query is the provider's answer, so it has no hints.
      const again = { kind: 'login', returnTo, demand, attempt: attempt + 1, query: {} } as const;
      await this.#start(again, reply);
      return;
    }
    this.cookie.write(reply, login.session.token);
    const { returnTo } = transaction;
    await reply.redirect(this.factors.pageOf(login.session.claims, returnTo) ?? returnTo, 302);
  }

  /** The path that a login leads to; with an invite, the page that asks whether to accept it. */
  #returnTo(given: unknown, request: FastifyRequest): string {
    const invite = inviteTokenIn(queryOf(request)['invite']);
    const returnTo = safeReturnTo(given, this.#publicUrl);
    return invite === undefined ? returnTo : invitationPath(invite, returnTo);
  }

  async #start(login: LoginRequest, reply: FastifyReply): Promise<void> {
    const url = await this.starter.start(login, reply);
    await reply.redirect(url.href, 302);
  }
}

function queryOf(request: FastifyRequest): Readonly<Record<string, unknown>> {
  return z.record(z.string(), z.unknown()).catch({}).parse(request.query);
}
