import { compactVerify, errors, type JWTPayload, jwtVerify } from 'jose';
import * as openid from 'openid-client';
import { z } from 'zod';
import { CircuitBreaker } from '../../platform/upstream/circuit-breaker.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { isOfPort, libraryTimeout, unavailable, vendorTimeout } from '../../platform/upstream/vendor-call.js';
import { type Fetch, UpstreamCalls } from '../../platform/upstream/upstream-calls.js';
import { scopeTokens } from '../../session/guards/scopes.js';
import { fetchThrough } from './circuit-fetch.js';
import { type SecretMethod, authenticationWith } from './client-authentication.js';
import { LogoutTokenVerifier } from './logout-token.js';
import type { VerifiedLogoutToken } from '../../auth-strategy/auth.strategy.js';
import { keyProblem, ProviderKeys, signatureAlgorithms } from '../../platform/upstream/provider-keys.js';
import { deploymentRefusalOf, formProblemOf, isRefusalOfToken, isRefusalOfUser } from './provider-refusal.js';
import { RelyingParty } from './relying-party.js';
import { toUserInfo, type UserInfo, userInfoProblem } from './user-info.js';

/** Seconds by which the provider's clock may differ from ours. */
const clockTolerance = 30;
/** Concurrent code exchanges: enough for any provider, and a limit to what one process may pile up. */
const exchangesAtOnce = 64;
/** The form of a JWT. Unsigned ones match too: they are refused here and not left to introspection. */
const jwtForm = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/** The gateway's registration at a provider. */
export interface OpenIdClientSettings {
  readonly issuer: string;
  readonly clientId: string;
  /** Undefined: a public client. */
  readonly clientSecret: string | undefined;
  /** How the secret is sent; undefined: by the provider's metadata. */
  readonly secretMethod?: SecretMethod | undefined;
  /** Clients whose access tokens are accepted. */
  readonly allowedClientIds: readonly string[];
  /** Audience that an access token must have to be accepted from a caller. */
  readonly audience: string;
}

/** The claims of a verified access token. */
export interface VerifiedAccessToken {
  readonly subject: string;
  readonly clientId: string;
  readonly scope: readonly string[];
  readonly sessionId: string | null;
  /** When credentials were given (RFC 9068 section 2.2.1), in milliseconds since the epoch; null if the token doesn't state it. */
  readonly authTime: number | null;
  /** End of the token in milliseconds since the epoch; undefined if introspection doesn't state it. */
  readonly expiresAt: number | undefined;
  /** All claims of the token. */
  readonly claims: Readonly<Record<string, unknown>>;
}

const accessTokenClaimsSchema = z.looseObject({
  sub: z.string().min(1),
  azp: z.string().optional(),
  client_id: z.string().optional(),
  scope: z.string().optional(),
  sid: z.string().optional(),
  auth_time: z.number().nonnegative().optional(),
  exp: z.number().nonnegative().optional(),
});

/** The tokens that take the place of those before. */
export interface NextTokens {
  readonly accessToken: string;
  readonly refreshToken: string;
  /** Seconds that the access token is valid; undefined if the provider doesn't state it. */
  readonly expiresIn: number | undefined;
}

/** What a provider issued for a refresh token. */
export interface RefreshedTokens {
  readonly accessToken: string;
  /** Claims of the new ID token; undefined if there is none (OpenID Connect Core section 12.2). */
  readonly claims: Readonly<Record<string, unknown>> | undefined;
}

/** Without any of these no user can log in (OpenID Connect Discovery section 3). */
const neededMetadata = ['authorization_endpoint', 'token_endpoint', 'jwks_uri'] as const;

interface Discovered {
  readonly client: openid.Configuration;
  readonly relyingParty: RelyingParty;
  readonly keys: ProviderKeys;
  readonly logoutTokens: LogoutTokenVerifier;
}

/**
 * An OpenID provider found by discovery. Discovery runs when the provider is first needed, and again until it succeeds. A provider
 * that is unavailable at the start therefore only delays logins.
 */
export class OpenIdProvider {
  #discovery: Promise<Discovered> | undefined;

  /** @param call makes the requests. */
  readonly #settings: OpenIdClientSettings;

  constructor(
    settings: OpenIdClientSettings,
    private readonly breaker = new CircuitBreaker('provider'),
    private readonly calls = UpstreamCalls.unobserved(),
    private readonly call: Fetch = fetch,
  ) {
    this.#settings = settings;
  }

  /** The relying party at this provider. @throws {Problem} `provider_unavailable` while discovery fails. */
  async relyingParty(): Promise<RelyingParty> {
    return (await this.#discovered()).relyingParty;
  }

  /** Metadata of the provider (OpenID Connect Discovery section 3). */
  async metadata(): Promise<openid.ServerMetadata> {
    return (await this.#discovered()).client.serverMetadata();
  }

  /** Requires that the provider's metadata is available now. @throws {Problem} `provider_unavailable` if it isn't. */
  async requireReady(): Promise<void> {
    const { client } = await this.#discovered();
    const { jwks_uri: uri } = client.serverMetadata();
    await this.breaker.probe(() => requireAnswer(uri ?? this.#settings.issuer, this.call));
  }

  /**
   * Verifies an access token that a caller sent (step 9): a JWT by its signature and claims, an opaque one by introspection if the
   * provider supports it. It must have our audience, an allowed client, and a person as its subject.
   * @throws {Problem} `access_token_rejected`, `provider_unavailable`
   */
  async verifyAccessToken(token: string): Promise<VerifiedAccessToken> {
    const { client, keys } = await this.#discovered();
    const claims = jwtForm.test(token)
      ? await this.#verifyJwt(token, keys, client.serverMetadata().issuer)
      : await this.#introspect(token, client);
    const parsed = accessTokenClaimsSchema.safeParse(claims);
    if (!parsed.success) {
      throw rejected('access_token_claims');
    }
    const { sub, azp, client_id, scope, sid, auth_time, exp } = parsed.data;
    const clientId = azp ?? client_id;
    if (clientId === undefined || !this.#settings.allowedClientIds.includes(clientId)) {
      throw rejected('access_token_foreign_client');
    }
    // A client's own token has the client as its subject (Auth0 adds a suffix and `gty`).
    if (sub === clientId || sub === `${clientId}@clients` || claims['gty'] === 'client-credentials') {
      throw rejected('access_token_of_client');
    }
    return {
      subject: sub,
      clientId,
      scope: scopeTokens(scope ?? ''),
      sessionId: sid ?? null,
      authTime: auth_time === undefined ? null : auth_time * 1000,
      expiresAt: exp === undefined ? undefined : exp * 1000,
      claims,
    };
  }

  /**
   * The person behind an access token, as the provider describes them now. A provider needn't have `/userinfo` (OpenID Connect
   * Discovery section 3 recommends it): without one, the claims of a verified token describe the person.
   * @param subject that the answer must be about (OpenID Connect Core section 5.3.2).
   * @param claims of the verified ID token; of the access token if a caller sent only that.
   */
  async userInfo(
    token: string,
    subject: string,
    claims: Readonly<Record<string, unknown>>,
  ): Promise<UserInfo> {
    const { client } = await this.#discovered();
    let answer: unknown = claims;
    if (client.serverMetadata().userinfo_endpoint !== undefined) {
      try {
        answer = await openid.fetchUserInfo(client, token, subject);
      } catch (error) {
        throw userInfoProblem(error);
      }
    }
    return toUserInfo(client.serverMetadata().issuer, answer);
  }

  /**
   * The person of a session that goes on, as the provider describes them now.
   * @param tokens which the provider has just issued for a refresh token, or the access token of the login.
   * @throws {Problem} `access_token_rejected` or `login_refused` if the provider no longer vouches for them. Too many requests, or a
   *   firewall, say nothing about them: `provider_unavailable`.
   */
  async currentUser({ accessToken, claims }: RefreshedTokens, subject: string): Promise<UserInfo> {
    // OpenID Connect Core section 12.2: a new ID token is about the same user.
    if (claims !== undefined && claims['sub'] !== subject) {
      throw rejected('refreshed_subject_mismatch');
    }
    try {
      return await this.userInfo(accessToken, subject, { sub: subject, ...claims });
    } catch (error) {
      const isRefused = error instanceof Problem && error.code === 'access_token_rejected';
      throw isRefused && !(await isRefusalOfToken(error.cause))
        ? unavailable('userinfo_refused', error)
        : error;
    }
  }

  /** Whether the provider has a `/userinfo`, which returns the data of persons. */
  async reportsUsers(): Promise<boolean> {
    return (await this.metadata()).userinfo_endpoint !== undefined;
  }

  /**
   * Uses a refresh token (RFC 6749 section 6).
   * @param keep stores the next tokens, before the rest of the answer is verified. The refresh token may be the same.
   * @throws {Problem} `access_token_rejected` when the provider no longer accepts it, `provider_misconfigured` for a refusal of this
   *   deployment, which says nothing about a user, and `provider_unavailable` for anything else.
   */
  async refresh(refreshToken: string, keep: (next: NextTokens) => Promise<void>): Promise<RefreshedTokens> {
    const { client, keys } = await this.#discovered();
    try {
      const next = await openid.refreshTokenGrant(client, refreshToken);
      const { id_token: idToken } = next;
      await keep({
        accessToken: next.access_token,
        refreshToken: next.refresh_token ?? refreshToken,
        expiresIn: next.expires_in,
      });
      if (idToken !== undefined) {
        await keys.verifyOwn(async (find) =>
          compactVerify(idToken, find, { algorithms: signatureAlgorithms }),
        );
      }
      return {
        accessToken: next.access_token,
        claims: next.claims(),
      };
    } catch (error) {
      if (isRefusalOfUser(error)) {
        throw rejected('refresh_token_refused');
      }
      throw (
        deploymentRefusalOf(error) ??
        formProblemOf(error, 'id_token') ??
        unavailable('token_endpoint_unreachable', error)
      );
    }
  }

  /** Verifies an ID token's signature, issuer, audience, times and nonce. @returns its claims. */
  async verifyIdToken(token: string, nonce: string): Promise<JWTPayload> {
    const { client, keys } = await this.#discovered();
    try {
      const { payload } = await keys.verifyOwn(async (find) =>
        jwtVerify(token, find, {
          issuer: client.serverMetadata().issuer,
          audience: this.#settings.clientId,
          algorithms: signatureAlgorithms,
          requiredClaims: ['sub', 'exp', 'iat', 'nonce'],
          clockTolerance,
        }),
      );
      const { azp } = payload;
      if (payload['nonce'] !== nonce || (azp !== undefined && azp !== this.#settings.clientId)) {
        throw new Problem('login_refused', { reason: 'id_token_claims' });
      }
      return payload;
    } catch (error) {
      // It has just been issued: if it counts as expired, the clocks must differ.
      throw error instanceof errors.JWTExpired
        ? new Problem('clocks_differ', { reason: 'id_token_time', cause: error })
        : keyProblem(error, new Problem('login_refused', { reason: 'id_token_invalid', cause: error }));
    }
  }

  /**
   * Verifies what the provider asserts of a user (RFC 7523 section 3): signature, type, issuer, the one audience, and times.
   * @returns its claims; undefined if it isn't such an assertion. @throws {Problem} `provider_unavailable`
   */
  async verifyAssertion(token: string, type: string, audience: string): Promise<JWTPayload | undefined> {
    const { client, keys } = await this.#discovered();
    try {
      const { payload } = await jwtVerify(token, keys.find, {
        typ: type,
        issuer: client.serverMetadata().issuer,
        audience,
        algorithms: signatureAlgorithms,
        requiredClaims: ['sub', 'exp', 'iat', 'jti'],
        clockTolerance,
      });
      // With another audience, that one could use it here.
      return [payload.aud].flat().length === 1 ? payload : undefined;
    } catch (error) {
      const problem = keyProblem(error, rejected('assertion_invalid'));
      if (problem.code === 'provider_unavailable') {
        throw problem;
      }
      return undefined;
    }
  }

  /** Verifies a logout token but for age and first use. @throws {Problem} `malformed_request`, `provider_unavailable` */
  async verifyLogoutToken(token: string): Promise<VerifiedLogoutToken> {
    return (await this.#discovered()).logoutTokens.verify(token);
  }

  async #verifyJwt(token: string, keys: ProviderKeys, issuer: string): Promise<JWTPayload> {
    try {
      const { payload } = await jwtVerify(token, keys.find, {
        issuer,
        audience: this.#settings.audience,
        algorithms: signatureAlgorithms,
        requiredClaims: ['sub', 'exp', 'iat'],
        clockTolerance,
      });
      return payload;
    } catch (error) {
      throw keyProblem(error, rejected('access_token_invalid'));
    }
  }

  async #introspect(token: string, client: openid.Configuration): Promise<Record<string, unknown>> {
    if (client.serverMetadata().introspection_endpoint === undefined) {
      throw rejected('access_token_not_verifiable');
    }
    const answer = await openid.tokenIntrospection(client, token).catch((error: unknown) => {
      // Some providers answer 400, and not `active: false`, to a text that can't be their token.
      throw error instanceof openid.ResponseBodyError && error.status === 400
        ? rejected('access_token_malformed')
        : unavailable('introspection_failed', error);
    });
    const audience = [answer.aud].flat();
    if (answer.active !== true || !audience.includes(this.#settings.audience)) {
      throw rejected('access_token_inactive');
    }
    return answer;
  }

  async #discovered(): Promise<Discovered> {
    this.#discovery ??= this.#discover().catch((error: unknown) => {
      this.#discovery = undefined;
      throw discoveryProblem(error);
    });
    return this.#discovery;
  }

  async #discover(): Promise<Discovered> {
    const { issuer, clientId, clientSecret, secretMethod } = this.#settings;
    const insecure = issuer.startsWith('http:');
    const client = await openid.discovery(
      new URL(issuer),
      clientId,
      undefined,
      authenticationWith(clientSecret, secretMethod),
      {
        timeout: libraryTimeout / 1000,
        [openid.customFetch]: fetchThrough(this.breaker, this.calls.fetch('provider', this.call)),
        ...(insecure ? { execute: [openid.allowInsecureRequests] } : {}),
      },
    );
    const metadata = client.serverMetadata();
    // The library lets Microsoft's `common` pass, whose tokens come from any tenant.
    if (new URL(metadata.issuer).href !== new URL(issuer).href) {
      throw new Problem('provider_misconfigured', { reason: 'provider_issuer_mismatch' });
    }
    const missing = neededMetadata.find((name) => metadata[name] === undefined);
    if (missing !== undefined) {
      throw new Problem('provider_misconfigured', { reason: `provider_without_${missing}` });
    }
    // Without the member, there is the query (OpenID Connect Discovery section 3).
    if (metadata.response_modes_supported?.includes('query') === false) {
      throw new Problem('provider_misconfigured', { reason: 'provider_without_query' });
    }
    requireUrls(metadata, insecure ? /^https?:$/ : /^https:$/);
    const keys = new ProviderKeys(metadata.jwks_uri ?? '', this.call);
    return {
      client,
      relyingParty: new RelyingParty(client, keys, exchangesAtOnce),
      keys,
      logoutTokens: new LogoutTokenVerifier({
        keys,
        issuer: metadata.issuer,
        audiences: [clientId, ...this.#settings.allowedClientIds],
      }),
    };
  }
}

/** The problem if the discovered issuer is another than the configured one, or if no metadata is available. */
function discoveryProblem(error: unknown): Problem {
  if (error instanceof Problem) {
    return error;
  }
  if (isOfPort(error)) {
    return new Problem('provider_misconfigured', { reason: 'provider_port_blocked' });
  }
  return error instanceof openid.ClientError && error.code === 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED'
    ? new Problem('provider_misconfigured', { reason: 'provider_issuer_mismatch' })
    : unavailable('provider_unreachable', error);
}

/** Requires that endpoints are URLs with these protocols: neither browsers nor this server may be led to an address that anyone can answer for. */
function requireUrls(metadata: openid.ServerMetadata, protocols: RegExp): void {
  for (const name of [
    ...neededMetadata,
    'userinfo_endpoint',
    'introspection_endpoint',
    'pushed_authorization_request_endpoint',
  ] as const) {
    const url = metadata[name];
    if (url !== undefined && !(URL.canParse(url) && protocols.test(new URL(url).protocol))) {
      throw new Problem('provider_misconfigured', { reason: `provider_insecure_${name}` });
    }
  }
}

async function requireAnswer(url: string, call: Fetch): Promise<void> {
  const answer = await call(url, { signal: AbortSignal.timeout(vendorTimeout) }).catch((error: unknown) => {
    throw unavailable('provider_unreachable', error);
  });
  await answer.body?.cancel();
  if (!answer.ok) {
    throw unavailable('provider_unreachable');
  }
}

function rejected(reason: string): Problem {
  return new Problem('access_token_rejected', { reason });
}
