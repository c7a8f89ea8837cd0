import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { type OAuth2Client, OAuth2Api, Configuration as OryConfiguration } from '@ory/client';
import { type BulkheadPolicy, bulkhead } from 'cockatiel';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { OryConfiguration as Settings } from '../config/configuration.js';
import { CircuitBreaker } from '../core/circuit.breaker.js';
import { Problem } from '../core/problem.error.js';
import {
  requireHealthy,
  statusOf,
  unavailable,
  vendorRequestDefaults,
  vendorTarget,
} from '../core/vendor.call.js';
import { UpstreamCalls } from '../upstreams/upstream.calls.js';
import { gatewayClientId, keepsLoggedIn } from './hydra.clients.js';
import {
  type ActiveToken,
  type ClientToken,
  type ConsentRequest,
  type GrantedConsent,
  type LoginContext,
  type LoginRequest,
  type LogoutRequest,
  activeTokenSchema,
  clientTokenSchema,
  consentRequestSchema,
  grantedConsentsSchema,
  loginRequestSchema,
  logoutRequestSchema,
  redirectSchema,
} from './hydra.schemas.js';

const anyTokenSchema = z.looseObject({ active: z.boolean() });
const introspectionSchema = z.union([activeTokenSchema, anyTokenSchema]);

/** Most calls write, and writers in Hydra's database wait for each other: more of them at once only take longer. */
const callsAtOnce = 4;
/** Login challenges whose application is remembered, for the login page: a kilobyte or two each. */
const rememberedLogins = 1000;
/** Grants that are looked at, newest first: far more than a login of 30 days makes, and no answer without an end. */
const grantsAtOnce = 250;

/** What a person agreed to, for Hydra. */
export interface ConsentGrant {
  readonly scope: readonly string[];
  readonly remember: boolean;
  readonly context: LoginContext;
  /** Claims for the ID token. */
  readonly idToken: Readonly<Record<string, unknown>>;
}

/** One login at Hydra, as its browser's cookie remembers it. */
export interface HydraSession {
  readonly subject: string;
  readonly sid: string;
}

/** What the login pages need to know of a login challenge. */
interface RememberedLogin {
  readonly requestUrl: string;
  readonly redirectUris: readonly string[];
}

type VendorCall = (options: { readonly signal: AbortSignal }) => Promise<{ data: unknown }>;

/** Hydra's admin API: challenges, introspection, clients. Bounded calls, answers parsed. */
export class HydraClient {
  readonly #oauth2: OAuth2Api;
  readonly #adminUrl: string;
  readonly #publicUrl: string;
  readonly #tokenClientIds: readonly string[];
  readonly #breaker: CircuitBreaker;
  /** More wait in line, where their time-out doesn't run and an open circuit ends them at once. */
  readonly #calls: BulkheadPolicy = bulkhead(callsAtOnce, Number.POSITIVE_INFINITY);
  readonly #logins = new LRUCache<string, RememberedLogin>({ max: rememberedLogins });

  constructor(
    { ALLOWED_CLIENT_IDS, HYDRA_ADMIN_URL, PUBLIC_URL }: Settings,
    breaker = new CircuitBreaker('hydra'),
    calls = UpstreamCalls.unobserved(),
  ) {
    this.#breaker = breaker;
    const { basePath, socketPath } = vendorTarget(HYDRA_ADMIN_URL);
    const admin = new OryConfiguration({
      basePath,
      baseOptions: {
        ...vendorRequestDefaults,
        socketPath,
        httpAgent: new HttpAgent({ keepAlive: true }),
        httpsAgent: new HttpsAgent({ keepAlive: true }),
      },
    });
    this.#oauth2 = calls.observed('hydra', new OAuth2Api(admin));
    this.#adminUrl = HYDRA_ADMIN_URL;
    this.#publicUrl = PUBLIC_URL;
    // The gateway gives its own tokens up as soon as it has a session for them.
    this.#tokenClientIds = ALLOWED_CLIENT_IDS.filter((id) => id !== gatewayClientId);
  }

  /** @throws {Problem} `challenge_rejected` when the challenge is unknown, expired or used. */
  async loginRequest(loginChallenge: string): Promise<LoginRequest> {
    const request = await this.#challenge(loginRequestSchema, (options) =>
      this.#oauth2.getOAuth2LoginRequest({ loginChallenge }, options),
    );
    this.#logins.set(loginChallenge, rememberedOf(request));
    return request;
  }

  /**
   * Where the application of a login may have its browser sent to. Hydra isn't asked when this process has read the challenge already,
   * so an answer doesn't say that the challenge still lives.
   * @throws {Problem} `challenge_rejected` when the challenge is unknown, expired or used.
   */
  async redirectUris(loginChallenge: string): Promise<readonly string[]> {
    return (await this.#rememberedLogin(loginChallenge)).redirectUris;
  }

  /**
   * The authorization request that a login belongs to, remembered like {@link redirectUris}.
   * @throws {Problem} `challenge_rejected` when the challenge is unknown, expired or used.
   */
  async requestUrl(loginChallenge: string): Promise<string> {
    return (await this.#rememberedLogin(loginChallenge)).requestUrl;
  }

  async #rememberedLogin(loginChallenge: string): Promise<RememberedLogin> {
    return this.#logins.get(loginChallenge) ?? rememberedOf(await this.loginRequest(loginChallenge));
  }

  /** Step 5: tells Hydra who logged in. @returns where the browser goes on. */
  async acceptLogin(
    loginChallenge: string,
    login: { readonly subject: string; readonly acr: string; readonly context: LoginContext },
  ): Promise<string> {
    return this.#decide((options) =>
      this.#oauth2.acceptOAuth2LoginRequest(
        {
          loginChallenge,
          acceptOAuth2LoginRequest: {
            subject: login.subject,
            identity_provider_session_id: login.context.kratos_session_id,
            amr: login.context.amr,
            acr: login.acr,
            context: login.context,
            // Kratos' session decides at every login all the same; without a session of its own Hydra could log nobody
            // out when another application asks for it.
            remember: true,
            remember_for: 0,
          },
        },
        options,
      ),
    );
  }

  /** Ends the session that Hydra remembers a browser by; one that is gone already is fine. */
  async forgetSession(sid: string): Promise<void> {
    try {
      await this.#ask((options) => this.#oauth2.revokeOAuth2LoginSessions({ sid }, options));
    } catch (error) {
      if (statusOf(error) !== 404) {
        throw asUnavailable(error);
      }
    }
  }

  /** Ends all that Hydra remembers of a person: logins, consents, and the tokens that came of them. */
  async forgetPerson(subject: string): Promise<void> {
    try {
      await this.#ask((options) => this.#oauth2.revokeOAuth2LoginSessions({ subject }, options));
      await this.#ask((options) => this.#oauth2.revokeOAuth2ConsentSessions({ subject, all: true }, options));
    } catch (error) {
      throw asUnavailable(error);
    }
  }

  /**
   * Revokes the tokens that applications of ours (`ALLOWED_CLIENT_IDS`) got in a login. Call it while Hydra knows the session.
   *
   * Hydra 2.3 revokes by person and application, never by login. So an access token that the same application holds on
   * another device goes too, and it fetches a new one there without asking anybody. Refresh tokens are what keeps an
   * application logged in: one that has them is spared while it is used in another login of the person. A consent that
   * is remembered may stand for any login, this one too: nothing spares its application.
   */
  async revokeTokens({ subject, sid }: HydraSession): Promise<void> {
    if (this.#tokenClientIds.length === 0) {
      return;
    }
    const [ofLogin, ofPerson] = await Promise.all([this.#grants(subject, sid), this.#grants(subject)]);
    const remembered = clientsOf(ofPerson.filter(({ remember }) => remember));
    const usedElsewhere = clientsOf(
      ofPerson.filter(
        ({ consent_request: { client, login_session_id: other } }) =>
          other && other !== sid && keepsLoggedIn(client),
      ),
    );
    for (const client of new Set([...clientsOf(ofLogin), ...remembered])) {
      const spared = usedElsewhere.has(client) && !remembered.has(client);
      if (this.#tokenClientIds.includes(client) && !spared) {
        await this.#ask((options) =>
          this.#oauth2.revokeOAuth2ConsentSessions({ subject, client }, options),
        ).catch((error: unknown) => {
          throw asUnavailable(error);
        });
      }
    }
  }

  /** @param error OAuth error code, for example `login_required`. @returns where the browser goes on. */
  async rejectLogin(loginChallenge: string, error: string): Promise<string> {
    return this.#decide((options) =>
      this.#oauth2.rejectOAuth2LoginRequest({ loginChallenge, rejectOAuth2Request: { error } }, options),
    );
  }

  /** @throws {Problem} `challenge_rejected` when the challenge is unknown, expired or used. */
  async consentRequest(consentChallenge: string): Promise<ConsentRequest> {
    return this.#challenge(consentRequestSchema, (options) =>
      this.#oauth2.getOAuth2ConsentRequest({ consentChallenge }, options),
    );
  }

  /** Step 5, consent. @returns where the browser goes on. */
  async acceptConsent(request: ConsentRequest, grant: ConsentGrant): Promise<string> {
    return this.#decide((options) =>
      this.#oauth2.acceptOAuth2ConsentRequest(
        {
          consentChallenge: request.challenge,
          acceptOAuth2ConsentRequest: {
            grant_scope: [...grant.scope],
            grant_access_token_audience: request.requested_access_token_audience ?? [],
            remember: grant.remember,
            remember_for: 0,
            session: { access_token: grant.context, id_token: grant.idToken },
          },
        },
        options,
      ),
    );
  }

  /**
   * @param error OAuth error code: the person did not agree, or may not be asked (`prompt=none`).
   * @returns where the browser goes on, with that error.
   */
  async rejectConsent(
    consentChallenge: string,
    error: 'access_denied' | 'consent_required' = 'access_denied',
  ): Promise<string> {
    const description = {
      access_denied: 'The person did not agree.',
      consent_required: 'The person must be asked.',
    };
    return this.#decide((options) =>
      this.#oauth2.rejectOAuth2ConsentRequest(
        { consentChallenge, rejectOAuth2Request: { error, error_description: description[error] } },
        options,
      ),
    );
  }

  /** @throws {Problem} `challenge_rejected` when the challenge is unknown, expired or used. */
  async logoutRequest(logoutChallenge: string): Promise<LogoutRequest> {
    return this.#challenge(logoutRequestSchema, (options) =>
      this.#oauth2.getOAuth2LogoutRequest({ logoutChallenge }, options),
    );
  }

  /** @returns where the browser goes on. */
  async acceptLogout(logoutChallenge: string): Promise<string> {
    return this.#decide((options) => this.#oauth2.acceptOAuth2LogoutRequest({ logoutChallenge }, options));
  }

  /** Step 9: the token when it's active and came out of a person's consent here, else undefined. */
  async introspect(token: string): Promise<ActiveToken | undefined> {
    const answer = await this.#call(introspectionSchema, (options) =>
      this.#oauth2.introspectOAuth2Token({ token }, options),
    );
    const active = activeTokenSchema.safeParse(answer);
    return active.success ? active.data : undefined;
  }

  /** The token when it's active and a client got it for itself (client credentials), else undefined. */
  async introspectClient(token: string): Promise<ClientToken | undefined> {
    const answer = await this.#call(anyTokenSchema, (options) =>
      this.#oauth2.introspectOAuth2Token({ token }, options),
    );
    const active = clientTokenSchema.safeParse(answer);
    return active.success ? active.data : undefined;
  }

  /** Registers a client or brings it to this definition; idempotent. */
  async ensureClient(definition: OAuth2Client & { client_id: string }): Promise<void> {
    const id = definition.client_id;
    try {
      await this.#ask((options) => this.#oauth2.getOAuth2Client({ id }, options));
    } catch (error) {
      if (statusOf(error) !== 404) {
        throw asUnavailable(error);
      }
      try {
        await this.#ask((options) => this.#oauth2.createOAuth2Client({ oAuth2Client: definition }, options));
        return;
      } catch (failure) {
        // 409: another replica was faster; the update below makes it ours all the same.
        if (statusOf(failure) !== 409) {
          throw asUnavailable(failure);
        }
      }
    }
    try {
      await this.#ask((options) => this.#oauth2.setOAuth2Client({ id, oAuth2Client: definition }, options));
    } catch (error) {
      throw asUnavailable(error);
    }
  }

  /** Takes a client away, with its tokens and consents; one that isn't there is fine. */
  async removeClient(id: string): Promise<void> {
    try {
      await this.#ask((options) => this.#oauth2.deleteOAuth2Client({ id }, options));
    } catch (error) {
      if (statusOf(error) !== 404) {
        throw asUnavailable(error);
      }
    }
  }

  /** @throws {Problem} `provider_unavailable` unless Hydra and its database are ready. */
  async requireReady(): Promise<void> {
    await this.#breaker.probe(() => requireHealthy(`${this.#adminUrl}/health/ready`, 'hydra_not_ready'));
  }

  /** Every call takes its place in the line, goes through the circuit, and is over in time. */
  async #ask<T>(call: (options: { readonly signal: AbortSignal }) => Promise<T>): Promise<T> {
    return this.#calls.execute(() => this.#breaker.runInTime((signal) => call({ signal })));
  }

  /** Consents of a person's that tokens came from. @param sid of one login only. */
  async #grants(subject: string, sid?: string): Promise<GrantedConsent[]> {
    return this.#call(grantedConsentsSchema, (options) =>
      this.#oauth2.listOAuth2ConsentSessions(
        {
          subject,
          pageSize: grantsAtOnce,
          ...(sid === undefined ? {} : { loginSessionId: sid }),
        },
        options,
      ),
    );
  }

  async #challenge<T>(schema: z.ZodType<T>, call: VendorCall): Promise<T> {
    return this.#call(schema, call, [400, 404, 409, 410]);
  }

  /** A decision's redirect, which must stay on this origin: Hydra's authorization endpoint behind our proxy. */
  async #decide(call: VendorCall): Promise<string> {
    const { redirect_to: target } = await this.#call(redirectSchema, call, [400, 404, 409, 410]);
    if (!URL.canParse(target) || new URL(target).origin !== this.#publicUrl) {
      throw unavailable('hydra_redirects_elsewhere');
    }
    return target;
  }

  async #call<T>(schema: z.ZodType<T>, call: VendorCall, rejections: readonly number[] = []): Promise<T> {
    let data: unknown;
    try {
      ({ data } = await this.#ask(call));
    } catch (error) {
      const status = statusOf(error);
      if (status !== undefined && rejections.includes(status)) {
        throw new Problem('challenge_rejected', { reason: `hydra_challenge_${status}` });
      }
      throw asUnavailable(error);
    }
    const parsed = schema.safeParse(data);
    if (!parsed.success) {
      throw unavailable('hydra_answer_unreadable');
    }
    return parsed.data;
  }
}

function clientsOf(consents: readonly GrantedConsent[]): Set<string> {
  return new Set(consents.map(({ consent_request: { client } }) => client.client_id));
}

function asUnavailable(error: unknown): Problem {
  return error instanceof Problem ? error : unavailable('hydra_unreachable', error);
}

function rememberedOf({ request_url: requestUrl, client }: LoginRequest): RememberedLogin {
  return { requestUrl, redirectUris: client.redirect_uris ?? [] };
}
