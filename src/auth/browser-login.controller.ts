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
import { CurrentUser, OptionalSession, Public } from '../session/access.decorators.js';
import type { Principal } from '../session/principal.js';
import { SessionCookie } from '../session/session.cookie.js';
import { AuthService } from './auth.service.js';
import { AuthStrategy } from './auth.strategy.js';
import { type LoginDemand, loginDemandOf } from './login.demand.js';
import { type LoginTransaction, LoginTransactions } from './login.transaction.js';
import { RateLimited } from './rate-limited.decorator.js';
import { originOf } from './request.origin.js';

const maximumHintLength = 256;
/** Characters of an invite's token, and a bit: the rest would only make the cookie larger. */
const maximumInviteLength = 64;
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
    'Token of an invite to an organisation, redeemed after the login. Who logs in with one that cannot be redeemed sees a notice.',
  schema: { type: 'string' },
} as const;

/** What a login is begun with, by a person or once more. */
interface Beginning {
  readonly kind: 'login' | 'signup';
  readonly returnTo: unknown;
  readonly demand: LoginDemand;
  readonly attempt: number;
  readonly inviteToken: string | undefined;
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
      'Redirects the browser to the provider. Who opens the link of an invite while logged in is asked first. With `max_age` or `acr_values` it is a step-up: the login is refused unless the provider did what was asked.',
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
    const query = queryOf(request);
    const invite = inviteOf(query);
    if (invite !== undefined && isFromElsewhere(request) && this.#cookie.read(request) !== undefined) {
      // Whoever is logged in sees no page of the login, and would be made a member without a question.
      await reply.redirect(`/invitation?${new URLSearchParams({ invite })}`, 302);
      return;
    }
    const beginning = { returnTo, demand: loginDemandOf(query), attempt: 1, inviteToken: invite };
    await this.#start({ kind: 'login', ...beginning }, request, reply);
  }

  @Get('signup')
  @Public()
  @RateLimited('start-address', 'all')
  @ApiOperation({ summary: 'Start a registration', description: 'Redirects the browser to the provider.' })
  @ApiQuery(returnToParameter)
  @ApiQuery(inviteParameter)
  @ApiResponse({ status: 302, description: 'To the provider.' })
  @ApiProblems('rate_limited', 'provider_misconfigured', 'provider_unavailable')
  async signup(
    @Query('return_to') returnTo: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const beginning = { returnTo, demand: {}, attempt: 1, inviteToken: inviteOf(queryOf(request)) };
    await this.#start({ kind: 'signup', ...beginning }, request, reply);
  }

  @Get('callback')
  @OptionalSession()
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
      const { returnTo, demand, inviteToken } = transaction;
      const again = { returnTo, demand, inviteToken, attempt: transaction.attempt + 1 };
      await this.#start({ kind: 'login', ...again }, request, reply);
      return;
    }
    const { accessToken } = exchanged;
    const { inviteToken, returnTo } = transaction;
    const invite = inviteToken === undefined ? undefined : { token: inviteToken, isRequired: false };
    const attempt = { accessToken, exchanged, transaction, invite, previous };
    const { session, inviteProblem } = await this.#auth.login(attempt, originOf(request)).catch(refuse);
    await this.#strategy.discard(accessToken);
    this.#cookie.write(reply, session.token);
    await reply.redirect(inviteProblem === undefined ? returnTo : noticeOf(inviteProblem), 302);
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
    { kind, returnTo, demand, attempt, inviteToken }: Beginning,
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
      returnTo: safeReturnTo(returnTo, this.#publicUrl),
      attempt,
      demand,
      inviteToken,
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

/** Whether it was no page of this origin that led here. Browsers before Fetch Metadata don't say. */
function isFromElsewhere({ headers }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site'];
  return site !== undefined && site !== 'same-origin';
}

/** One that can't be right is kept, so that the person is told. */
function inviteOf(query: Readonly<Record<string, unknown>>): string | undefined {
  const invite = query['invite'];
  return typeof invite === 'string' && invite !== '' ? invite.slice(0, maximumInviteLength) : undefined;
}

/** The account page, which says why the invite was not redeemed. */
function noticeOf({ code, reason }: Problem): string {
  if (reason === 'invite_email_unverified') {
    return '/?notice=invite_unverified';
  }
  return code === 'gone' ? '/?notice=invite_gone' : '/?notice=invite_refused';
}
