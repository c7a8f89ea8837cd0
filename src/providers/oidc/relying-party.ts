import { compactVerify, errors } from 'jose';
import * as openid from 'openid-client';
import pLimit, { type LimitFunction } from 'p-limit';
import { z } from 'zod';
import { Problem } from '../../platform/errors/problem.error.js';
import { unavailable, libraryTimeout } from '../../platform/upstream/vendor-call.js';
import { scopeTokens } from '../../session/guards/scopes.js';
import { sessionlessMethods } from '../../session/tokens/account-claims.js';
import { keyProblem, type ProviderKeys, signatureAlgorithms } from '../../platform/upstream/provider-keys.js';
import { answerStatusOf, deploymentRefusalOf, formProblemOf, refusalOf } from './provider-refusal.js';
import type { ExchangedTokens, LoginChecks } from '../../auth-strategy/auth.strategy.js';

const idTokenSchema = z.looseObject({
  sub: z.string().min(1),
  sid: z.string().optional(),
  amr: z.array(z.string()).optional(),
  acr: z.string().optional(),
  auth_time: z.number().nonnegative().optional(),
});

/** The parts of a token endpoint's answer that a login needs besides the ID token. */
type TokenAnswer = Pick<ExchangedTokens, 'accessToken' | 'refreshToken' | 'expiresIn'> & {
  readonly scope: string | undefined;
};

/** Methods that mean something here, and nothing at a provider: its user isn't taken for an API key. */
const ourMethods: ReadonlySet<string> = new Set(sessionlessMethods);

/** The parts of a verified ID token, and of the answer it came in, that a login needs. */
export function toExchangedTokens({ scope, ...answer }: TokenAnswer, idToken: unknown): ExchangedTokens {
  const claims = idTokenSchema.safeParse(idToken);
  if (!claims.success) {
    throw new Problem('login_refused', { reason: 'id_token_claims' });
  }
  const { sub, sid, acr, amr, auth_time } = claims.data;
  return {
    ...answer,
    subject: sub,
    sessionId: sid ?? null,
    scope: scopeTokens(scope ?? ''),
    amr: (amr ?? []).filter((method) => !ourMethods.has(method)),
    acr: assuranceOf(acr, amr),
    authTime: auth_time === undefined ? null : auth_time * 1000,
    claims: claims.data,
  };
}

/** Auth0's name of a second factor, in `acr_values` and `acr`. */
export const multiFactorPolicy = 'http://schemas.openid.net/pape/policies/2007/06/multi-factor';
/** Class references that mean a second factor: Kratos' and Hydra's own, and the one that Auth0 uses. */
const secondFactorClasses = new Set(['aal2', multiFactorPolicy]);

/** Authentication context and methods (OpenID Connect Core section 2, RFC 8176) → whether there was a second factor. */
function assuranceOf(acr: string | undefined, amr: readonly string[] | undefined): 'aal1' | 'aal2' {
  const isSecond = (acr !== undefined && secondFactorClasses.has(acr)) || amr?.includes('mfa') === true;
  return isSecond ? 'aal2' : 'aal1';
}

/** Refuses another issuer's answer, which may be a mix-up attack (RFC 9207 section 2.4); `iss` may be missing, but not empty. */
export function requireIssuer(answer: URL, issuer: string): void {
  if (answer.searchParams.getAll('iss').some((given) => given !== issuer)) {
    throw new Problem('login_refused', { reason: 'issuer_mismatch' });
  }
}

/** An OpenID Connect relying party: authorization code flow with PKCE (S256), state and nonce; openid-client. */
export class RelyingParty {
  readonly #exchanges: LimitFunction;

  /** @param exchangesAtOnce concurrent code exchanges; further ones wait in line. */
  readonly #configuration: openid.Configuration;

  constructor(
    configuration: openid.Configuration,
    private readonly keys: ProviderKeys,
    exchangesAtOnce: number,
  ) {
    this.#configuration = configuration;
    this.#exchanges = pLimit(exchangesAtOnce);
    this.#configuration.timeout = libraryTimeout / 1000;
  }

  /** New random values: state, nonce and code verifier. */
  static newChecks(): LoginChecks {
    return {
      state: openid.randomState(),
      nonce: openid.randomNonce(),
      codeVerifier: openid.randomPKCECodeVerifier(),
    };
  }

  /**
   * The URL to which the browser is sent. A provider that takes no other requests is sent this one itself (RFC 9126).
   * @throws {Problem} `provider_misconfigured` when it refuses our client then, `provider_unavailable` for no answer.
   */
  async authorizationUrl(checks: LoginChecks, parameters: Readonly<Record<string, string>>): Promise<URL> {
    const request = {
      ...parameters,
      state: checks.state,
      nonce: checks.nonce,
      code_challenge: await openid.calculatePKCECodeChallenge(checks.codeVerifier),
      code_challenge_method: 'S256',
    };
    const { require_pushed_authorization_requests: isPushed } = this.#configuration.serverMetadata();
    if (isPushed !== true) {
      return openid.buildAuthorizationUrl(this.#configuration, request);
    }
    try {
      return await openid.buildAuthorizationUrlWithPAR(this.#configuration, request);
    } catch (error) {
      throw deploymentRefusalOf(error) ?? unavailable('pushed_request_refused', error);
    }
  }

  /**
   * Exchanges the provider's answer for tokens; state, `iss`, nonce, ID token signature and audience are checked.
   * @throws {Problem} `login_refused` for an invalid answer, `provider_misconfigured` when the provider refuses our client,
   *   `provider_unavailable` for no answer.
   */
  async exchange(answer: URL, checks: LoginChecks): Promise<ExchangedTokens> {
    try {
      requireIssuer(answer, this.#configuration.serverMetadata().issuer);
      const tokens = await this.#exchanges(async () =>
        openid.authorizationCodeGrant(this.#configuration, answer, {
          expectedState: checks.state,
          expectedNonce: checks.nonce,
          pkceCodeVerifier: checks.codeVerifier,
          idTokenExpected: true,
        }),
      );
      // Verified although it comes straight from the token endpoint. Our own key set is used, because openid-client's refuses a
      // key that was rotated less than a minute after its fetch.
      await this.keys.verifyOwn(async (find) =>
        compactVerify(tokens.id_token ?? '', find, { algorithms: signatureAlgorithms }),
      );
      const { access_token: accessToken, refresh_token: refreshToken, expires_in: expiresIn, scope } = tokens;
      return toExchangedTokens({ accessToken, refreshToken, expiresIn, scope }, tokens.claims());
    } catch (error) {
      throw toProblem(error);
    }
  }

  /** Revokes an access token that is no longer needed (RFC 7009). */
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
  const ofDeployment = deploymentRefusalOf(error) ?? formProblemOf(error, 'id_token');
  if (ofDeployment !== undefined) {
    return ofDeployment;
  }
  if (error instanceof openid.AuthorizationResponseError || error instanceof openid.ResponseBodyError) {
    return refusalOf(error.error, new Error(error.name));
  }
  if (error instanceof openid.ClientError && error.code === 'OAUTH_JWT_TIMESTAMP_CHECK_FAILED') {
    return new Problem('clocks_differ', { reason: 'id_token_time', cause: new Error(error.message) });
  }
  const status = answerStatusOf(error);
  if (
    error instanceof openid.ClientError &&
    (status === undefined || status < 500) &&
    error.code !== 'OAUTH_TIMEOUT'
  ) {
    const cause = new Error(error.message);
    return new Problem('login_refused', { reason: 'provider_answer_invalid', cause });
  }
  return unavailable('token_endpoint_unreachable', error);
}
