import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { type OAuth2Client, OAuth2Api, Configuration as OryConfiguration } from '@ory/client';
import { z } from 'zod';
import type { OryConfiguration as Settings } from '../config/configuration.js';
import { Problem } from '../core/problem.error.js';
import { requireHealthy, statusOf, unavailable, vendorRequestDefaults } from '../core/vendor.call.js';
import { gatewayClientId } from './hydra.clients.js';
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
/** Milliseconds that Hydra may take to make RSA keys of 4,096 bits. */
const keyGenerationTimeout = 30_000;
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

/** Hydra's admin API: challenges, introspection, clients. Bounded calls, answers parsed. */
export class HydraClient {
  readonly #oauth2: OAuth2Api;
  readonly #adminUrl: string;
  readonly #keysUrl: string;
  readonly #publicUrl: string;
  readonly #tokenClientIds: readonly string[];

  constructor({ ALLOWED_CLIENT_IDS, HYDRA_ADMIN_URL, HYDRA_PUBLIC_URL, PUBLIC_URL }: Settings) {
    const admin = new OryConfiguration({
      basePath: HYDRA_ADMIN_URL,
      baseOptions: {
        ...vendorRequestDefaults,
        httpAgent: new HttpAgent({ keepAlive: true, maxSockets: callsAtOnce }),
        httpsAgent: new HttpsAgent({ keepAlive: true, maxSockets: callsAtOnce }),
      },
    });
    this.#oauth2 = new OAuth2Api(admin);
    this.#adminUrl = HYDRA_ADMIN_URL;
    this.#keysUrl = `${HYDRA_PUBLIC_URL}/.well-known/jwks.json`;
    this.#publicUrl = PUBLIC_URL;
    // The gateway gives its own tokens up as soon as it has a session for them.
    this.#tokenClientIds = ALLOWED_CLIENT_IDS.filter((id) => id !== gatewayClientId);
  }

  /** @throws {Problem} `challenge_rejected` when the challenge is unknown, expired or used. */
  async loginRequest(loginChallenge: string): Promise<LoginRequest> {
    return this.#challenge(loginRequestSchema, () => this.#oauth2.getOAuth2LoginRequest({ loginChallenge }));
  }

  /** Step 5: tells Hydra who logged in. @returns where the browser goes on. */
  async acceptLogin(
    loginChallenge: string,
    login: { readonly subject: string; readonly acr: string; readonly context: LoginContext },
  ): Promise<string> {
    return this.#decide(() =>
      this.#oauth2.acceptOAuth2LoginRequest({
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
      }),
    );
  }

  /** Ends the session that Hydra remembers a browser by; one that is gone already is fine. */
  async forgetSession(sid: string): Promise<void> {
    try {
      await this.#oauth2.revokeOAuth2LoginSessions({ sid });
    } catch (error) {
      if (statusOf(error) !== 404) {
        throw asUnavailable(error);
      }
    }
  }

  /**
   * Revokes the tokens that applications of ours (`ALLOWED_CLIENT_IDS`) got in a login. Call it while Hydra knows the session.
   *
   * Hydra 2.3 revokes by person and application, never by login. So an access token that the same application holds on
   * another device goes too, and it fetches a new one there without asking anybody. Refresh tokens are what keeps an
   * application logged in: one that has them is spared while it is used in another login of the person.
   */
  async revokeTokens({ subject, sid }: HydraSession): Promise<void> {
    const granted = (await this.#grants(subject, sid)).filter(({ client }) =>
      this.#tokenClientIds.includes(client.client_id),
    );
    const staysLoggedIn = granted.some(
      ({ client }) => client.grant_types?.includes('refresh_token') === true,
    );
    const others = staysLoggedIn
      ? (await this.#grants(subject)).filter(({ login_session_id: other }) => other && other !== sid)
      : [];
    const shared = new Set(
      others
        .filter(({ client }) => client.grant_types?.includes('refresh_token') === true)
        .map(({ client }) => client.client_id),
    );
    for (const client of new Set(granted.map(({ client: { client_id: id } }) => id))) {
      if (!shared.has(client)) {
        await this.#oauth2.revokeOAuth2ConsentSessions({ subject, client }).catch((error: unknown) => {
          throw asUnavailable(error);
        });
      }
    }
  }

  /** @param error OAuth error code, for example `login_required`. @returns where the browser goes on. */
  async rejectLogin(loginChallenge: string, error: string): Promise<string> {
    return this.#decide(() =>
      this.#oauth2.rejectOAuth2LoginRequest({ loginChallenge, rejectOAuth2Request: { error } }),
    );
  }

  /** @throws {Problem} `challenge_rejected` when the challenge is unknown, expired or used. */
  async consentRequest(consentChallenge: string): Promise<ConsentRequest> {
    return this.#challenge(consentRequestSchema, () =>
      this.#oauth2.getOAuth2ConsentRequest({ consentChallenge }),
    );
  }

  /** Step 5, consent. @returns where the browser goes on. */
  async acceptConsent(request: ConsentRequest, grant: ConsentGrant): Promise<string> {
    return this.#decide(() =>
      this.#oauth2.acceptOAuth2ConsentRequest({
        consentChallenge: request.challenge,
        acceptOAuth2ConsentRequest: {
          grant_scope: [...grant.scope],
          grant_access_token_audience: request.requested_access_token_audience ?? [],
          remember: grant.remember,
          remember_for: 0,
          session: { access_token: grant.context, id_token: grant.idToken },
        },
      }),
    );
  }

  /** @returns where the browser goes on, with `access_denied`. */
  async rejectConsent(consentChallenge: string): Promise<string> {
    return this.#decide(() =>
      this.#oauth2.rejectOAuth2ConsentRequest({
        consentChallenge,
        rejectOAuth2Request: { error: 'access_denied', error_description: 'The person did not agree.' },
      }),
    );
  }

  /** @throws {Problem} `challenge_rejected` when the challenge is unknown, expired or used. */
  async logoutRequest(logoutChallenge: string): Promise<LogoutRequest> {
    return this.#challenge(logoutRequestSchema, () =>
      this.#oauth2.getOAuth2LogoutRequest({ logoutChallenge }),
    );
  }

  /** @returns where the browser goes on. */
  async acceptLogout(logoutChallenge: string): Promise<string> {
    return this.#decide(() => this.#oauth2.acceptOAuth2LogoutRequest({ logoutChallenge }));
  }

  /** Step 9: the token when it's active and came out of a person's consent here, else undefined. */
  async introspect(token: string): Promise<ActiveToken | undefined> {
    const answer = await this.#call(introspectionSchema, () => this.#oauth2.introspectOAuth2Token({ token }));
    const active = activeTokenSchema.safeParse(answer);
    return active.success ? active.data : undefined;
  }

  /** The token when it's active and a client got it for itself (client credentials), else undefined. */
  async introspectClient(token: string): Promise<ClientToken | undefined> {
    const answer = await this.#call(anyTokenSchema, () => this.#oauth2.introspectOAuth2Token({ token }));
    const active = clientTokenSchema.safeParse(answer);
    return active.success ? active.data : undefined;
  }

  /** Registers a client or brings it to this definition; idempotent. */
  async ensureClient(definition: OAuth2Client & { client_id: string }): Promise<void> {
    const id = definition.client_id;
    try {
      await this.#oauth2.getOAuth2Client({ id });
    } catch (error) {
      if (statusOf(error) !== 404) {
        throw asUnavailable(error);
      }
      try {
        await this.#oauth2.createOAuth2Client({ oAuth2Client: definition });
        return;
      } catch (failure) {
        // 409: another replica was faster; the update below makes it ours all the same.
        if (statusOf(failure) !== 409) {
          throw asUnavailable(failure);
        }
      }
    }
    try {
      await this.#oauth2.setOAuth2Client({ id, oAuth2Client: definition });
    } catch (error) {
      throw asUnavailable(error);
    }
  }

  /**
   * Has Hydra make its signing keys. It makes them when they are first asked for, which takes seconds of a core: longer
   * than a token exchange may take, so without this the first login of a fresh deployment fails.
   * @throws {Problem} `provider_unavailable` when it can't.
   */
  async ensureSigningKeys(): Promise<void> {
    await requireHealthy(this.#keysUrl, 'hydra_keys_missing', keyGenerationTimeout);
  }

  /** @throws {Problem} `provider_unavailable` unless Hydra and its database are ready. */
  async requireReady(): Promise<void> {
    await requireHealthy(`${this.#adminUrl}/health/ready`, 'hydra_not_ready');
  }

  /** Consents of a person's that tokens came from. @param sid of one login only. */
  async #grants(subject: string, sid?: string): Promise<GrantedConsent[]> {
    const consents = await this.#call(grantedConsentsSchema, () =>
      this.#oauth2.listOAuth2ConsentSessions({
        subject,
        pageSize: grantsAtOnce,
        ...(sid === undefined ? {} : { loginSessionId: sid }),
      }),
    );
    return consents.map(({ consent_request: request }) => request);
  }

  async #challenge<T>(schema: z.ZodType<T>, call: () => Promise<{ data: unknown }>): Promise<T> {
    return this.#call(schema, call, [400, 404, 409, 410]);
  }

  /** A decision's redirect, which must stay on this origin: Hydra's authorization endpoint behind our proxy. */
  async #decide(call: () => Promise<{ data: unknown }>): Promise<string> {
    const { redirect_to: target } = await this.#call(redirectSchema, call, [400, 404, 409, 410]);
    if (!URL.canParse(target) || new URL(target).origin !== this.#publicUrl) {
      throw unavailable('hydra_redirects_elsewhere');
    }
    return target;
  }

  async #call<T>(
    schema: z.ZodType<T>,
    call: () => Promise<{ data: unknown }>,
    rejections: readonly number[] = [],
  ): Promise<T> {
    let data: unknown;
    try {
      ({ data } = await call());
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

function asUnavailable(error: unknown): Problem {
  return error instanceof Problem ? error : unavailable('hydra_unreachable', error);
}
