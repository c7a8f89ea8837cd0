import { Controller, Get, Inject, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CONFIGURATION } from '../platform/config/config.module.js';
import type { Configuration } from '../platform/config/configuration.js';
import { ApiOptionalQuery, ApiProblems } from '../platform/http/openapi.decorators.js';
import { safeReturnTo } from '../platform/http/return.target.js';
import {
  AllowUnverifiedEmail,
  AllowWithoutSecondFactor,
  CurrentUser,
  OptionalSession,
  Public,
} from '../session/guards/access.decorators.js';
import type { Principal } from '../session/principal.js';
import { SessionCookie } from '../session/cookie/session.cookie.js';
import { invitationPath, inviteTokenIn } from '../accounts/invite.link.js';
import { stepUpRequirementOf } from '../auth-strategy/step-up.requirement.js';
import { LoginService } from './login.service.js';
import { type LoginRequest, LoginStarter, maximumHintLength } from './login.starter.js';
import { LoginTransactions } from './login.transaction.js';
import { RateLimited } from '../session/guards/rate-limited.decorator.js';
import { clientInfoOf } from '../platform/http/client.info.js';

const ReturnTo = ApiOptionalQuery(
  'return_to',
  'Path on this origin to come back to; anything else becomes `/`.',
  { example: '/docs' },
);
const Invite = ApiOptionalQuery(
  'invite',
  'Token of an invite to an organisation. The login ends at the page that names it and asks whether to accept it; it never accepts one by itself.',
);

const LoginHint = ApiOptionalQuery(
  'login_hint',
  'Who is expected to log in, such as an e-mail address; the login page has it filled in.',
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
  readonly #starter: LoginStarter;
  readonly #logins: LoginService;
  readonly #transactions: LoginTransactions;
  readonly #cookie: SessionCookie;
  readonly #publicUrl: string;

  constructor(
    starter: LoginStarter,
    logins: LoginService,
    transactions: LoginTransactions,
    cookie: SessionCookie,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#starter = starter;
    this.#logins = logins;
    this.#transactions = transactions;
    this.#cookie = cookie;
    this.#publicUrl = configuration.PUBLIC_URL;
  }

  @Get('login')
  @Public()
  @RateLimited('start-address', 'all')
  @ApiOperation({
    summary: 'Start a login',
    description:
      'Redirects the browser to the provider. With `max_age` or `acr_values` it is a step-up: the login is refused unless the provider did what was asked.',
  })
  @ReturnTo
  @Invite
  @LoginHint
  @Locales
  @ApiOptionalQuery('max_age', 'Seconds since the person gave credentials, at most; 0 asks for them anew.', {
    type: 'integer',
    minimum: 0,
    maximum: 31_536_000,
  })
  @ApiOptionalQuery('acr_values', '`aal2`: a second factor must be given.', { enum: ['aal2'] })
  @ApiResponse({ status: 302, description: 'To the provider.' })
  @ApiProblems('rate_limited', 'provider_misconfigured', 'provider_unavailable')
  async login(
    @Query('return_to') returnTo: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const destination = this.#returnTo(returnTo, request);
    const query = queryOf(request);
    const demand = stepUpRequirementOf(query);
    await this.#start({ kind: 'login', returnTo: destination, demand, attempt: 1, query }, request, reply);
  }

  @Get('signup')
  @Public()
  @RateLimited('start-address', 'all')
  @ApiOperation({ summary: 'Start a registration', description: 'Redirects the browser to the provider.' })
  @ReturnTo
  @Invite
  @LoginHint
  @Locales
  @ApiResponse({ status: 302, description: 'To the provider.' })
  @ApiProblems('signup_refused', 'rate_limited', 'provider_misconfigured', 'provider_unavailable')
  async signup(
    @Query('return_to') returnTo: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const destination = this.#returnTo(returnTo, request);
    const query = queryOf(request);
    await this.#start(
      { kind: 'signup', returnTo: destination, demand: {}, attempt: 1, query },
      request,
      reply,
    );
  }

  @Get('callback')
  @OptionalSession()
  @AllowUnverifiedEmail()
  @AllowWithoutSecondFactor()
  @ApiOperation({
    summary: "The provider's answer",
    description: 'Step 6: the code becomes an access token, the token a session cookie.',
  })
  @ApiQuery({
    name: 'state',
    required: true,
    description: 'What ties the answer to a login of this browser.',
    schema: { type: 'string' },
  })
  @ApiOptionalQuery('code', 'Of a login that succeeded.')
  @ApiOptionalQuery('error', 'Of a login that did not.')
  @ApiResponse({ status: 302, description: 'Logged in; to `return_to`.' })
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
    const transaction = this.#transactions.take(request, reply, state);
    const answer = new URL(request.url, this.#publicUrl);
    const login = await this.#logins.complete(answer, transaction, previous, clientInfoOf(request));
    if (login === undefined) {
      const { returnTo, demand, attempt } = transaction;
      // The query is the provider's answer, so it has no hints.
      const again = { kind: 'login', returnTo, demand, attempt: attempt + 1, query: {} } as const;
      await this.#start(again, request, reply);
      return;
    }
    this.#cookie.write(reply, login.session.token);
    // Without it, a policy requires no second factor, or it was given.
    const isRequired = login.session.claims.second_factor !== undefined;
    const { returnTo } = transaction;
    await reply.redirect(
      isRequired ? `/second-factor?${new URLSearchParams({ return_to: returnTo })}` : returnTo,
      302,
    );
  }

  /** The path that a login leads to; with an invite, the page that asks whether to accept it. */
  #returnTo(given: unknown, request: FastifyRequest): string {
    const invite = inviteTokenIn(queryOf(request)['invite']);
    const returnTo = safeReturnTo(given, this.#publicUrl);
    return invite === undefined ? returnTo : invitationPath(invite, returnTo);
  }

  async #start(login: LoginRequest, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const url = await this.#starter.start(login, request, reply);
    await reply.redirect(url.href, 302);
  }
}

function queryOf(request: FastifyRequest): Readonly<Record<string, unknown>> {
  return z.record(z.string(), z.unknown()).catch({}).parse(request.query);
}
