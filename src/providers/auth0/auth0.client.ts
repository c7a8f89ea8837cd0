import { PassportStrategy } from '@nestjs/passport';
import { randomState } from 'openid-client';
import { Passport } from 'passport';
import Auth0 from 'passport-auth0';
import { z } from 'zod';
import type { Auth0Configuration } from '../../platform/config/configuration.js';
import type { CircuitBreaker } from '../../platform/upstream/circuit-breaker.js';
import { inTime } from '../../platform/time/deadline.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { unavailable, vendorTimeout } from '../../platform/upstream/vendor-call.js';
import type { UpstreamCalls } from '../../platform/upstream/upstream-calls.js';
import type { LoginChecks } from '../../auth-strategy/auth.strategy.js';
import { oauthErrorIn, refusalOf, tokenRefusalOf } from '../oidc/provider-refusal.js';

/** With a refresh token, Auth0 can be asked at each renewal whether the user is still there. */
const scope = 'openid profile email offline_access';

/** The strategy's outcome, with the rest of the token endpoint's answer. The ID token's signature isn't verified yet. */
const outcomeSchema = z.object({
  accessToken: z.string(),
  refreshToken: z.string().optional(),
  extra: z.looseObject({
    id_token: z.string(),
    scope: z.string().optional(),
    expires_in: z.number().nonnegative().optional(),
  }),
});

/**
 * Auth0's authorization code flow with PKCE, by passport-auth0.
 *
 * passport expects Express' request, response and server-side session. Each login runs with small stand-ins instead. State, nonce
 * and code verifier are taken from them at the start, kept in the encrypted login transaction, and put back for the answer.
 */
export class Auth0Client {
  readonly #passport = new Passport();
  readonly #audience: string | undefined;

  constructor(
    configuration: Auth0Configuration,
    private readonly breaker: CircuitBreaker,
    private readonly calls: UpstreamCalls,
  ) {
    this.#audience = configuration.AUTH0_AUDIENCE;
    this.#passport.use('auth0', createStrategy(configuration));
  }

  /** Begins a login. @returns the URL for the browser, and the values that the answer must match. */
  async begin(parameters: Readonly<Record<string, string>>): Promise<{ url: URL; checks: LoginChecks }> {
    const request: PassportRequest = { query: {}, session: {} };
    const response = new PassportResponse();
    const options = { ...parameters, ...(this.#audience === undefined ? {} : { audience: this.#audience }) };
    await this.#run(request, response, options);
    const { checks } = request;
    const nonce = request.session.authParams?.nonce;
    if (response.location === undefined || checks === undefined || nonce === undefined) {
      throw unavailable('auth0_redirect_missing');
    }
    const url = new URL(response.location);
    // passport-auth0 supports it only as a setting that all logins share.
    if (parameters['max_age'] !== undefined) {
      url.searchParams.set('max_age', parameters['max_age']);
    }
    return { url, checks: { ...checks, nonce } };
  }

  /** Exchanges an answer. @throws {Problem} `login_refused`, `provider_misconfigured`, `provider_unavailable` */
  async exchange(answer: URL, checks: LoginChecks): Promise<z.output<typeof outcomeSchema>> {
    const request: PassportRequest = {
      query: Object.fromEntries(answer.searchParams),
      session: { authParams: { scope, nonce: checks.nonce } },
      checks,
    };
    if (request.query['code'] === undefined) {
      throw refusalOf(request.query['error'] ?? 'code_missing');
    }
    const outcome = await this.breaker.run(() =>
      this.calls.timed('provider', 'exchange', () => this.#run(request, new PassportResponse(), {})),
    );
    const tokens = outcomeSchema.safeParse(outcome);
    if (!tokens.success) {
      throw new Problem('login_refused', { reason: 'auth0_answer_invalid' });
    }
    return tokens.data;
  }

  /** Runs the strategy once; passport's HTTP client has no time-out of its own. */
  async #run(request: PassportRequest, response: PassportResponse, options: object): Promise<unknown> {
    const outcome = async (): Promise<unknown> =>
      new Promise((resolve, reject) => {
        response.onEnd = () => resolve(undefined);
        const authenticate: unknown = this.#passport.authenticate(
          'auth0',
          { ...options, session: false, scope },
          (error: unknown, user: unknown, info: unknown) =>
            error ? reject(asProblem(error)) : user ? resolve(user) : reject(refused(info)),
        );
        if (typeof authenticate === 'function') {
          authenticate(request, response, (error: unknown) => reject(asProblem(error)));
        }
      });
    try {
      return await inTime(vendorTimeout, outcome);
    } catch (error) {
      throw error instanceof Problem ? error : unavailable('auth0_timeout', error);
    }
  }
}

function createStrategy(configuration: Auth0Configuration): Auth0 {
  const { AUTH0_DOMAIN: base, AUTH0_CLIENT_ID, AUTH0_CLIENT_SECRET, PUBLIC_URL } = configuration;
  const options = {
    domain: new URL(base).host,
    clientID: AUTH0_CLIENT_ID,
    clientSecret: AUTH0_CLIENT_SECRET,
    callbackURL: `${PUBLIC_URL}/auth/callback`,
    // A private stand-in may use plain http; for Auth0 itself these are the strategy's own defaults.
    expectedIssuer: `${base}/`,
    authorizationURL: `${base}/authorize`,
    tokenURL: `${base}/oauth/token`,
    userInfoURL: `${base}/userinfo`,
    state: true,
    pkce: 'S256',
    store: new TransactionStore(),
    // Step 9 calls /userinfo for every access token, ours and those of apps.
    skipUserProfile: true,
  };
  class Strategy extends PassportStrategy(Auth0, 'auth0') {
    validate(accessToken: string, refreshToken: string | undefined, extra: unknown): unknown {
      return { accessToken, refreshToken, extra };
    }

    /** The problem of an error answer of the token endpoint; null if it has no OAuth error. passport-oauth2 asks for this. */
    parseErrorResponse(body: string, status: number): Problem | null {
      const error = oauthErrorIn(body);
      return error === undefined ? null : tokenRefusalOf({ status, error });
    }
  }
  return new Strategy(options);
}

/** A state store over the stand-in request. passport-oauth2 recognises its interface by the methods' arity. */
class TransactionStore {
  store(
    request: PassportRequest,
    codeVerifier: string,
    _state: unknown,
    _meta: unknown,
    done: (error: null, state: string) => void,
  ): void {
    const state = randomState();
    request.checks = { state, codeVerifier, nonce: '' };
    done(null, state);
  }

  verify(
    request: PassportRequest,
    state: string,
    _meta: unknown,
    done: (error: null, verifier: string | false, state?: unknown) => void,
  ): void {
    const { checks } = request;
    done(null, checks !== undefined && checks.state === state ? checks.codeVerifier : false, {
      message: 'state',
    });
  }
}

/** The problem of a passport-oauth2 error that isn't one already, by its name and, for an HTTP answer, its status. */
function asProblem(error: unknown): Problem {
  if (error instanceof Problem) {
    return error;
  }
  const name = error instanceof Error ? error.name : '';
  const inner: unknown = error instanceof Error ? Reflect.get(error, 'oauthError') : undefined;
  const status: unknown =
    typeof inner === 'object' && inner !== null ? Reflect.get(inner, 'statusCode') : undefined;
  const transport = name === 'InternalOAuthError' && (typeof status !== 'number' || status >= 500);
  return transport ? unavailable('auth0_unreachable', error) : refused(error);
}

function refused(cause: unknown): Problem {
  const reason = cause instanceof Error ? cause.message : 'refused';
  return new Problem('login_refused', { reason: 'auth0_answer_invalid', cause: new Error(reason) });
}

/** The part of an Express request that passport-auth0 reads; `session` lives as long as one call. */
interface PassportRequest {
  readonly query: Readonly<Record<string, string>>;
  readonly session: { authParams?: { scope: string; nonce: string } };
  checks?: LoginChecks;
}

/** The part of an Express response that passport writes when it redirects. */
class PassportResponse {
  statusCode = 200;
  location: string | undefined;
  onEnd: () => void = () => undefined;

  setHeader(name: string, value: string): void {
    if (name.toLowerCase() === 'location') {
      this.location = value;
    }
  }

  end(): void {
    this.onEnd();
  }
}
