import { Controller, Get, Inject, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { Problem } from '../core/problem.error.js';
import { ApiProblems } from '../http/openapi.decorators.js';
import { safeReturnTo } from '../http/return.target.js';
import type { ExchangedTokens } from '../oidc/relying.party.js';
import { AllowUnverifiedEmail, CurrentUser, OptionalSession, Public } from '../session/access.decorators.js';
import type { Principal } from '../session/principal.js';
import { SessionCookie } from '../session/session.cookie.js';
import { AuthService } from './auth.service.js';
import { AuthStrategy } from './auth.strategy.js';
import { invitationPath, inviteTokenIn } from './invite.link.js';
import { type LoginDemand, loginDemandOf } from './login.demand.js';
import { type LoginTransaction, LoginTransactions } from './login.transaction.js';
import { RateLimited } from './rate-limited.decorator.js';
import { originOf } from './request.origin.js';

const maximumHintLength = 256;
/** Logins that get in each other's way are started again this often, without a word to the person. */
const maximumAttempts = 4;

const returnToParameter = {
  name: 'return_to',
  required: false,
  description: 'Path on this origin to come back to; anything else becomes `/`.',
  schema: { type: 'string', example: '/docs' },
} as const;

const inviteParameter = {
  name: 'invite',
  required: false,
  description:
    'Token of an invite to an organisation. The login ends at the page that names it and asks whether to accept it; it never accepts one by itself.',
  schema: { type: 'string' },
} as const;

/** What a login is begun with, by a person or once more. */
interface Beginning {
  readonly kind: 'login' | 'signup';
  /** Already checked. */
  readonly returnTo: string;
  readonly demand: LoginDemand;
  readonly attempt: number;
}

/** The browser's login: to the provider, and back with its answer. */
@ApiTags('auth')
@Controller('auth')
export class BrowserLoginController {
  readonly #strategy: AuthStrategy;
  readonly #auth: AuthService;
  readonly #transactions: LoginTransactions;
  readonly #cookie: SessionCookie;
  readonly #publicUrl: string;

  constructor(
    strategy: AuthStrategy,
    auth: AuthService,
    transactions: LoginTransactions,
    cookie: SessionCookie,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#strategy = strategy;
    this.#auth = auth;
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
  @ApiQuery(returnToParameter)
  @ApiQuery(inviteParameter)
  @ApiQuery({
    name: 'max_age',
    required: false,
    description: 'Seconds since the person gave credentials, at most; 0 asks for them anew.',
    schema: { type: 'integer', minimum: 0, maximum: 31_536_000 },
  })
  @ApiQuery({
    name: 'acr_values',
    required: false,
    description: '`aal2`: a second factor must be given.',
    schema: { type: 'string', enum: ['aal2'] },
  })
  @ApiResponse({ status: 302, description: 'To the provider.' })
  @ApiProblems('rate_limited', 'provider_misconfigured', 'provider_unavailable')
  async login(
    @Query('return_to') returnTo: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const demand = loginDemandOf(queryOf(request));
    const beginning = { returnTo: this.#returnTo(returnTo, request), demand, attempt: 1 };
    await this.#start({ kind: 'login', ...beginning }, request, reply);
  }

  @Get('signup')
  @Public()
  @RateLimited('start-address', 'all')
  @ApiOperation({ summary: 'Start a registration', description: 'Redirects the browser to the provider.' })
  @ApiQuery(returnToParameter)
  @ApiQuery(inviteParameter)
  @ApiResponse({ status: 302, description: 'To the provider.' })
  @ApiProblems('signup_refused', 'rate_limited', 'provider_misconfigured', 'provider_unavailable')
  async signup(
    @Query('return_to') returnTo: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const destination = this.#returnTo(returnTo, request);
    await this.#auth.requireSignUp({ destination });
    const beginning = { returnTo: destination, demand: {}, attempt: 1 };
    await this.#start({ kind: 'signup', ...beginning }, request, reply);
  }

  @Get('callback')
  @OptionalSession()
  @AllowUnverifiedEmail()
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
  @ApiQuery({
    name: 'code',
    required: false,
    description: 'Of a login that succeeded.',
    schema: { type: 'string' },
  })
  @ApiQuery({
    name: 'error',
    required: false,
    description: 'Of a login that did not.',
    schema: { type: 'string' },
  })
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
    const exchanged = await this.#exchange(answer, transaction);
    if (exchanged === undefined) {
      const { returnTo, demand } = transaction;
      const again = { returnTo, demand, attempt: transaction.attempt + 1 };
      await this.#start({ kind: 'login', ...again }, request, reply);
      return;
    }
    const { accessToken } = exchanged;
    const attempt = { accessToken, exchanged, transaction, previous };
    const { session } = await this.#auth.login(attempt, originOf(request)).catch(refuse);
    await this.#strategy.discard(accessToken);
    this.#cookie.write(reply, session.token);
    await reply.redirect(transaction.returnTo, 302);
  }

  /** Where a login leads; one with an invite, to the page that asks whether to accept it. */
  #returnTo(given: unknown, request: FastifyRequest): string {
    const invite = inviteTokenIn(queryOf(request)['invite']);
    const returnTo = safeReturnTo(given, this.#publicUrl);
    return invite === undefined ? returnTo : invitationPath(invite, returnTo);
  }

  /** Nothing when the login is worth another try: whoever has logged in meanwhile isn't asked a second time. */
  async #exchange(answer: URL, transaction: LoginTransaction): Promise<ExchangedTokens | undefined> {
    try {
      return await this.#strategy.exchange(answer, transaction);
    } catch (error) {
      const isOvertaken = error instanceof Problem && error.code === 'login_state_invalid';
      if (isOvertaken && transaction.attempt < maximumAttempts) {
        return undefined;
      }
      throw error;
    }
  }

  async #start(
    { kind, returnTo, demand, attempt }: Beginning,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const query = queryOf(request);
    const hints = this.#strategy.hints.flatMap((name) => {
      const value = query[name];
      return typeof value === 'string' && value !== '' && value.length <= maximumHintLength
        ? [[name, value]]
        : [];
    });
    const { url, checks } = await this.#strategy.begin({ kind, hints: Object.fromEntries(hints), demand });
    this.#transactions.start(request, reply, {
      checks,
      returnTo,
      attempt,
      demand,
    });
    await reply.redirect(url.href, 302);
  }
}

function queryOf(request: FastifyRequest): Readonly<Record<string, unknown>> {
  return z.record(z.string(), z.unknown()).catch({}).parse(request.query);
}

/** Whoever is disabled gets a page: to be sent to log in would lead back here, for ever. */
function refuse(error: unknown): never {
  throw error instanceof Problem && error.code === 'unauthenticated'
    ? new Problem('login_refused', {
        detail: 'This account is disabled. An administrator can enable it.',
        ...(error.reason === undefined ? {} : { reason: error.reason }),
        cause: error,
      })
    : error;
}
