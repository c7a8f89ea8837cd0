import { compactVerify, errors } from 'jose';
import * as openid from 'openid-client';
import pLimit, { type LimitFunction } from 'p-limit';
import { z } from 'zod';
import { Problem } from '../core/problem.error.js';
import { unavailable, libraryTimeout } from '../core/vendor.call.js';
import { keyProblem, type ProviderKeys, signatureAlgorithms } from './provider.keys.js';
import { refusalOf } from './provider.refusal.js';

/** What one login request is made of (OpenID Connect Core section 3.1.2.1, RFC 7636). */
export interface LoginChecks {
  readonly state: string;
  readonly nonce: string;
  readonly codeVerifier: string;
}

/** What the token endpoint gave for a code, ID token verified. */
export interface ExchangedTokens {
  readonly accessToken: string;
  /** Where the provider gives one without being asked for it. */
  readonly refreshToken?: string | undefined;
  /** `sub` of the verified ID token. */
  readonly subject: string;
  /** `sid` of the ID token, where there is one. */
  readonly sessionId: string | null;
  readonly scope: readonly string[];
  readonly amr: readonly string[];
  /** `aal2` when a second factor was given, `aal1` when the provider doesn't say so. */
  readonly acr: 'aal1' | 'aal2';
  /** Milliseconds since the epoch; null when the provider doesn't say. */
  readonly authTime: number | null;
  /** Everything that the ID token says. */
  readonly claims: Readonly<Record<string, unknown>>;
}

const idTokenSchema = z.looseObject({
  sub: z.string().min(1),
  sid: z.string().optional(),
  amr: z.array(z.string()).optional(),
  acr: z.string().optional(),
  auth_time: z.number().nonnegative().optional(),
});

/** The parts of a verified ID token, and of the answer it came in, that a login is made from. */
export function toExchangedTokens(
  accessToken: string,
  scope: string | undefined,
  idToken: unknown,
  refreshToken?: string,
): ExchangedTokens {
  const claims = idTokenSchema.safeParse(idToken);
  if (!claims.success) {
    throw new Problem('login_refused', { reason: 'id_token_claims' });
  }
  const { sub, sid, acr, amr, auth_time } = claims.data;
  return {
    accessToken,
    refreshToken,
    subject: sub,
    sessionId: sid ?? null,
    scope: (scope ?? '').split(' ').filter((entry) => entry !== ''),
    amr: amr ?? [],
    acr: assuranceOf(acr, amr),
    authTime: auth_time === undefined ? null : auth_time * 1000,
    claims: claims.data,
  };
}

/** What Auth0 calls a second factor, in `acr_values` and `acr`. */
export const multiFactorPolicy = 'http://schemas.openid.net/pape/policies/2007/06/multi-factor';
/** Class references that stand for a second factor: Kratos' and Hydra's own, and the one that Auth0 uses. */
const secondFactorClasses = new Set(['aal2', multiFactorPolicy]);

/** Authentication context and methods (OpenID Connect Core section 2, RFC 8176) → whether there was a second factor. */
function assuranceOf(acr: string | undefined, amr: readonly string[] | undefined): 'aal1' | 'aal2' {
  const isSecond = (acr !== undefined && secondFactorClasses.has(acr)) || amr?.includes('mfa') === true;
  return isSecond ? 'aal2' : 'aal1';
}

/** An OpenID Connect relying party: authorization code flow with PKCE (S256), state and nonce; openid-client. */
export class RelyingParty {
  readonly #configuration: openid.Configuration;
  readonly #keys: ProviderKeys;
  readonly #exchanges: LimitFunction;

  /** @param exchangesAtOnce code exchanges that run at the same time; more wait in line. */
  constructor(configuration: openid.Configuration, keys: ProviderKeys, exchangesAtOnce: number) {
    this.#configuration = configuration;
    this.#keys = keys;
    this.#exchanges = pLimit(exchangesAtOnce);
    this.#configuration.timeout = libraryTimeout / 1000;
  }

  /** Fresh random state, nonce and code verifier. */
  static newChecks(): LoginChecks {
    return {
      state: openid.randomState(),
      nonce: openid.randomNonce(),
      codeVerifier: openid.randomPKCECodeVerifier(),
    };
  }

  /** Where to send the browser. */
  async authorizationUrl(checks: LoginChecks, parameters: Readonly<Record<string, string>>): Promise<URL> {
    return openid.buildAuthorizationUrl(this.#configuration, {
      ...parameters,
      state: checks.state,
      nonce: checks.nonce,
      code_challenge: await openid.calculatePKCECodeChallenge(checks.codeVerifier),
      code_challenge_method: 'S256',
    });
  }

  /**
   * Exchanges the provider's answer for tokens; state, `iss`, nonce, ID token signature and audience are checked.
   * @throws {Problem} `login_refused` for an answer that isn't right, `provider_misconfigured` when it's our client that is
   *   refused, `provider_unavailable` for no answer.
   */
  async exchange(answer: URL, checks: LoginChecks): Promise<ExchangedTokens> {
    try {
      // RFC 9207 section 2.4. Hydra sends no `iss`; whoever sends one, even an empty one, must be who was asked.
      if (
        answer.searchParams
          .getAll('iss')
          .some((issuer) => issuer !== this.#configuration.serverMetadata().issuer)
      ) {
        throw new Problem('login_refused', { reason: 'issuer_mismatch' });
      }
      const tokens = await this.#exchanges(async () =>
        openid.authorizationCodeGrant(this.#configuration, answer, {
          expectedState: checks.state,
          expectedNonce: checks.nonce,
          pkceCodeVerifier: checks.codeVerifier,
          idTokenExpected: true,
        }),
      );
      // Checked although it comes straight from the token endpoint, and by our own keys: openid-client's refuse a key
      // that was rotated in less than a minute after they were fetched.
      await this.#keys.verifyOwn(async (find) =>
        compactVerify(tokens.id_token ?? '', find, { algorithms: signatureAlgorithms }),
      );
      return toExchangedTokens(tokens.access_token, tokens.scope, tokens.claims(), tokens.refresh_token);
    } catch (error) {
      throw toProblem(error);
    }
  }

  /** Revokes an access token that isn't needed any more (RFC 7009). */
  async revoke(accessToken: string): Promise<void> {
    await openid.tokenRevocation(this.#configuration, accessToken);
  }
}

function toProblem(error: unknown): Problem {
  if (error instanceof Problem) {
    return error;
  }
  if (error instanceof errors.JOSEError) {
    return keyProblem(error, new Problem('login_refused', { reason: 'id_token_signature', cause: error }));
  }
  if (error instanceof openid.AuthorizationResponseError || error instanceof openid.ResponseBodyError) {
    return refusalOf(error.error, new Error(error.name));
  }
  if (error instanceof openid.WWWAuthenticateChallengeError) {
    return refusalOf('invalid_client', new Error(error.name));
  }
  if (error instanceof openid.ClientError && error.code === 'OAUTH_JWT_TIMESTAMP_CHECK_FAILED') {
    return new Problem('clocks_differ', { reason: 'id_token_time', cause: new Error(error.message) });
  }
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  const status = cause instanceof Response ? cause.status : undefined;
  if (
    error instanceof openid.ClientError &&
    (status === undefined || status < 500) &&
    error.code !== 'OAUTH_TIMEOUT'
  ) {
    return new Problem('login_refused', {
      reason: 'provider_answer_invalid',
      cause: new Error(error.message),
    });
  }
  return unavailable('token_endpoint_unreachable', error);
}
