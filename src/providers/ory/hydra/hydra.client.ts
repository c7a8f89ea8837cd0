import { type JsonPatch, type OAuth2Client, OAuth2Api } from '@ory/client';
import { type BulkheadPolicy, bulkhead } from 'cockatiel';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { OryConfiguration } from '../../../platform/config/configuration.js';
import { allInTurn } from '../../../platform/core/settled.js';
import { CircuitBreaker } from '../../../platform/upstream/circuit-breaker.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import { requireHealthy, unavailable } from '../../../platform/upstream/vendor-call.js';
import { UpstreamCalls } from '../../../platform/upstream/upstream-calls.js';
import {
  type OryAnswer,
  type OryCall,
  answerTooLarge,
  confirmedAnswer,
  expectedFailure,
  isMissing,
  oryApi,
  parseAnswer,
} from '../ory-api.js';
import { gatewayClientId, keepsLoggedIn } from './hydra-clients.js';
import { areOffsets, hydraPages, offsetToken, pageTokensIn } from './hydra.pages.js';
import { protectionRefusals } from './code-protection.js';
import {
  type ActiveToken,
  type ClientToken,
  type ConsentRequest,
  type GrantedConsent,
  type LoginContext,
  type LoginRequest,
  type LogoutRequest,
  type RefreshToken,
  activeTokenSchema,
  clientTokenSchema,
  consentRequestSchema,
  grantedConsentsSchema,
  loginRequestSchema,
  logoutRequestSchema,
  redirectSchema,
  refreshTokenSchema,
} from './hydra.schemas.js';

const anyTokenSchema = z.looseObject({ active: z.boolean(), token_use: z.string().optional() });
/** Statuses of a challenge that is unknown, expired or used. */
const challengeRejections = new Set([400, 404, 409, 410]);

/** Concurrent calls. Most write, and writers in Hydra's database wait for each other: more would only take longer. */
export const callsAtOnce = 4;
/** Concurrent introspections, beside those calls: anyone can cause one, and a login waits for none of a stranger's. */
const introspectionsAtOnce = 2;
/** A line of calls. */
type Line = 'login' | 'introspection';
/** Milliseconds that a call may wait in line. */
const longestWait: Readonly<Record<Line, number>> = { login: 15_000, introspection: 8000 };
/** Login challenges whose application is cached for the login page: one or two kilobytes each. */
const rememberedLogins = 1000;
/** Clients of one page of a list, and consents, each with its client and its request: far less than what is read of an answer. */
const [clientsAtOnce, grantsAtOnce] = [50, 25];

/** Maximum consents of a person that are read: far more than anyone gives, and a bound on the answers. */
const mostGrants = 10_000;

/** A person's consent, in the form that Hydra needs. */
export interface ConsentGrant {
  readonly scope: readonly string[];
  readonly remember: boolean;
  readonly context: LoginContext;
  /** Claims for the ID token. */
  readonly idToken: Readonly<Record<string, unknown>>;
}

/** The parts of a login challenge that the login pages need. */
export interface LoginOrigin {
  /** URL of the authorization request. */
  readonly requestUrl: string;
  /** Redirect URIs of the application. */
  readonly redirectUris: readonly string[];
  /** Who the application thinks logs in; not checked. */
  readonly loginHint: string | undefined;
  /** Languages that the application asks for, in order of preference; not checked. */
  readonly uiLocales: readonly string[];
  /** The application, as Hydra has it. */
  readonly client: LoginRequest['client'];
}

/** What an application is told when a login is rejected (OpenID Connect Core section 3.1.2.6), in ASCII (RFC 6749 section 4.1.2.1). */
const loginRefusals = {
  login_required: { error: 'login_required', error_description: 'The user must log in.' },
  access_denied: { error: 'access_denied', error_description: 'This account may not use the application.' },
  unmet_authentication_requirements: {
    error: 'unmet_authentication_requirements',
    error_description: 'The user has no way to give the factor that is required.',
  },
  ...protectionRefusals,
} as const;
/** The same of a consent, by why it is rejected. */
const consentRefusals = {
  denied: { error: 'access_denied', error_description: 'The user did not agree.' },
  unasked: { error: 'consent_required', error_description: 'The user must be asked.' },
  not_admitted: loginRefusals.access_denied,
} as const;

/** Client of Hydra's admin API: challenges, introspection, clients. Calls are bounded, and answers are parsed. */
export class HydraClient {
  readonly #oauth2: OAuth2Api;
  readonly #adminUrl: string;
  readonly #publicUrl: string;
  readonly #tokenClientIds: readonly string[];
  /** Further calls wait in line. Their time-out doesn't run there, and an open circuit ends them at once. */
  readonly #lines: Readonly<Record<Line, BulkheadPolicy>> = {
    login: bulkhead(callsAtOnce, Number.POSITIVE_INFINITY),
    introspection: bulkhead(introspectionsAtOnce, Number.POSITIVE_INFINITY),
  };
  readonly #logins = new LRUCache<string, LoginRequest>({ max: rememberedLogins });

  constructor(
    { ALLOWED_CLIENT_IDS, HYDRA_ADMIN_URL, PUBLIC_URL }: OryConfiguration,
    private readonly breaker = new CircuitBreaker('hydra'),
    calls = UpstreamCalls.unobserved(),
  ) {
    this.#oauth2 = calls.observed('hydra', new OAuth2Api(oryApi(HYDRA_ADMIN_URL)));
    this.#adminUrl = HYDRA_ADMIN_URL;
    breaker.askWhenLate(() => this.#askReady());
    this.#publicUrl = PUBLIC_URL;
    // The gateway discards its own tokens as soon as it has a session for them.
    this.#tokenClientIds = ALLOWED_CLIENT_IDS.filter((id) => id !== gatewayClientId);
  }

  /** Reads a login challenge. @throws {Problem} `challenge_rejected` when it is unknown, expired or used. */
  async loginRequest(loginChallenge: string): Promise<LoginRequest> {
    const request = await this.#challenge(loginRequestSchema, (options) =>
      this.#oauth2.getOAuth2LoginRequest({ loginChallenge }, options),
    );
    this.#logins.set(loginChallenge, request);
    return request;
  }

  /**
   * A challenge of the gateway's own login as this process has read it, once; undefined if it hasn't. Only its acceptance tells whether it is
   * still valid.
   */
  takeOwnLogin(loginChallenge: string): LoginRequest | undefined {
    const request = this.#logins.get(loginChallenge);
    if (request?.client.client_id !== gatewayClientId) {
      return undefined;
    }
    this.#logins.delete(loginChallenge);
    return request;
  }

  /**
   * The application's request that a login belongs to. Hydra isn't asked if this process has read the challenge already, so a
   * result doesn't prove that the challenge is still valid.
   * @throws {Problem} `challenge_rejected` when the challenge is unknown, expired or used.
   */
  async loginOrigin(loginChallenge: string): Promise<LoginOrigin> {
    return originOf(this.#logins.get(loginChallenge) ?? (await this.loginRequest(loginChallenge)));
  }

  /** Accepts a login challenge: reports to Hydra who logged in (step 5). @returns the URL at which the browser continues. */
  async acceptLogin(
    loginChallenge: string,
    { subject, acr, context }: { subject: string; acr: string; context: LoginContext },
  ): Promise<string> {
    const acceptOAuth2LoginRequest = {
      subject,
      identity_provider_session_id: context.kratos_session_id,
      amr: context.amr,
      acr,
      context,
      // Kratos' session still decides at every login. But without a session of its own, Hydra couldn't log anyone out when
      // another application requests it.
      remember: true,
      remember_for: 0,
    };
    return this.#decide((options) =>
      this.#oauth2.acceptOAuth2LoginRequest({ loginChallenge, acceptOAuth2LoginRequest }, options),
    );
  }

  /** Ends the session by which Hydra remembers a browser; idempotent. */
  async forgetSession(sid: string): Promise<void> {
    requireRemoved(
      await this.#ask((options) => this.#oauth2.revokeOAuth2LoginSessions({ sid }, options), isMissing),
    );
  }

  /** Removes a person's logins and consents from Hydra, and the tokens that came from them. */
  async forgetPerson(subject: string): Promise<void> {
    await allInTurn([
      async () =>
        requireRemoved(
          await this.#ask((options) => this.#oauth2.revokeOAuth2LoginSessions({ subject }, options)),
        ),
      () =>
        this.#remove((options) => this.#oauth2.revokeOAuth2ConsentSessions({ subject, all: true }, options)),
    ]);
  }

  /**
   * Ends the access that all applications have to a person. Those with back-channel logout learn of it: Hydra notifies them when a
   * session ends by its id, and only then.
   */
  async endAccess(subject: string): Promise<void> {
    try {
      const grants = await this.grants(subject);
      for (const sid of new Set(grants.map(({ consent_request: { login_session_id: id } }) => id))) {
        if (sid) {
          await this.forgetSession(sid);
        }
      }
    } finally {
      // Also if an application can't be told of it.
      await this.forgetPerson(subject);
    }
  }

  /**
   * Revokes the tokens that our applications (`ALLOWED_CLIENT_IDS`) got in a login. Call it while Hydra still has the session.
   *
   * Hydra 2.3 revokes by person and application, never by login. So an access token that the same application has on another
   * device is revoked too; the application fetches a new one there without asking the person. Refresh tokens keep an application
   * logged in: an application that has them is spared while it's used in another login of the person. A remembered consent may
   * apply to any login, including this one, so its application is never spared.
   */
  async revokeTokens({ subject, sid }: { subject: string; sid: string }): Promise<void> {
    if (this.#tokenClientIds.length === 0) {
      return;
    }
    const [ofLogin, ofPerson] = await Promise.all([this.grants(subject, sid), this.grants(subject)]);
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
        await this.revokeGrants(subject, client);
      }
    }
  }

  /**
   * A person's consents from which tokens came, and those that are remembered. Hydra 2.3, and no other version, states wrong addresses of
   * this list's further pages, so they are asked for by offset. Its order is by the second: of consents of one second, a page's end may
   * miss one.
   * @param loginSessionId restricts them to one login. @param atOnce consents of one page.
   */
  async grants(subject: string, loginSessionId?: string, atOnce = grantsAtOnce): Promise<GrantedConsent[]> {
    const which = { subject, ...(loginSessionId === undefined ? {} : { loginSessionId }) };
    const found: GrantedConsent[] = [];
    const pages = this.#pages(
      grantedConsentsSchema,
      atOnce,
      (page, options) => this.#oauth2.listOAuth2ConsentSessions({ ...which, ...page }, options),
      (tokens, read, pageSize) => {
        if (!areOffsets(tokens)) {
          return tokens.get('next');
        }
        return read.length < pageSize ? undefined : offsetToken(found.length + read.length);
      },
    );
    for await (const page of pages) {
      found.push(...page);
      if (found.length >= mostGrants) {
        break;
      }
    }
    return found;
  }

  /** Ends a person's consents for a client, with all tokens that came from them; idempotent. */
  async revokeGrants(subject: string, client: string): Promise<void> {
    await this.#remove((options) => this.#oauth2.revokeOAuth2ConsentSessions({ subject, client }, options));
  }

  /** Rejects a login challenge. @returns the URL at which the browser continues. */
  async rejectLogin(loginChallenge: string, reason: keyof typeof loginRefusals): Promise<string> {
    const rejectOAuth2Request = loginRefusals[reason];
    return this.#decide((options) =>
      this.#oauth2.rejectOAuth2LoginRequest({ loginChallenge, rejectOAuth2Request }, options),
    );
  }

  /** Reads a consent challenge. @throws {Problem} `challenge_rejected` when it is unknown, expired or used. */
  async consentRequest(consentChallenge: string): Promise<ConsentRequest> {
    return this.#challenge(consentRequestSchema, (options) =>
      this.#oauth2.getOAuth2ConsentRequest({ consentChallenge }, options),
    );
  }

  /** Accepts a consent challenge (step 5). @returns the URL at which the browser continues. */
  async acceptConsent(request: ConsentRequest, grant: ConsentGrant): Promise<string> {
    const acceptOAuth2ConsentRequest = {
      grant_scope: [...grant.scope],
      grant_access_token_audience: request.requested_access_token_audience ?? [],
      remember: grant.remember,
      remember_for: 0,
      session: { access_token: grant.context, id_token: grant.idToken },
    };
    const consentChallenge = request.challenge;
    return this.#decide((options) =>
      this.#oauth2.acceptOAuth2ConsentRequest({ consentChallenge, acceptOAuth2ConsentRequest }, options),
    );
  }

  /**
   * Rejects a consent challenge.
   * @param why the user did not agree, may not be asked (`prompt=none`), or may not use the application any more.
   * @returns the URL at which the browser continues, with that error.
   */
  async rejectConsent(consentChallenge: string, why: keyof typeof consentRefusals): Promise<string> {
    const rejectOAuth2Request = consentRefusals[why];
    return this.#decide((options) =>
      this.#oauth2.rejectOAuth2ConsentRequest({ consentChallenge, rejectOAuth2Request }, options),
    );
  }

  /** Reads a logout challenge. @throws {Problem} `challenge_rejected` when it is unknown, expired or used. */
  async logoutRequest(logoutChallenge: string): Promise<LogoutRequest> {
    return this.#challenge(logoutRequestSchema, (options) =>
      this.#oauth2.getOAuth2LogoutRequest({ logoutChallenge }, options),
    );
  }

  /** Accepts a logout challenge. @returns the URL at which the browser continues. */
  async acceptLogout(logoutChallenge: string): Promise<string> {
    return this.#decide((options) => this.#oauth2.acceptOAuth2LogoutRequest({ logoutChallenge }, options));
  }

  /** Introspects an access token (step 9). @returns it if it's active and came from a person's consent here; otherwise undefined. */
  async introspect(token: string): Promise<ActiveToken | undefined> {
    return activeTokenSchema.safeParse(await this.#introspection(token)).data;
  }

  /** Introspects a client's own access token (client credentials). @returns it if it's active; otherwise undefined. */
  async introspectClient(token: string): Promise<ClientToken | undefined> {
    return clientTokenSchema.safeParse(await this.#introspection(token)).data;
  }

  /** Introspects a refresh token. @returns it if it's active; otherwise undefined. */
  async introspectRefreshToken(token: string): Promise<RefreshToken | undefined> {
    return refreshTokenSchema.safeParse(await this.#introspection(token)).data;
  }

  /** Whether Hydra says now that a token is no live access token. It says so too while it can't read its database. */
  async refusesToken(token: string): Promise<boolean> {
    const { active, token_use: use } = await this.#askIntrospection(token);
    return !active || use !== 'access_token';
  }

  /** Has Hydra read its database, beside the calls of logins. @throws {Problem} `provider_unavailable` if it can't. */
  async readClients(): Promise<void> {
    await this.#client(gatewayClientId, 'introspection');
  }

  /** Registers a client, or updates it to this definition; idempotent. */
  async ensureClient(definition: OAuth2Client & { client_id: string }): Promise<void> {
    const id = definition.client_id;
    const { status } = await this.#ask((options) => this.#oauth2.getOAuth2Client({ id }, options), isMissing);
    if (isMissing(status)) {
      // 409: another replica was faster. The update below applies this definition anyway.
      const created = await this.#register(
        (options) => this.#oauth2.createOAuth2Client({ oAuth2Client: definition }, options),
        409,
      );
      if (created !== 409) {
        return;
      }
    }
    await this.#register((options) =>
      this.#oauth2.setOAuth2Client({ id, oAuth2Client: definition }, options),
    );
  }

  /** A client; undefined if there is none of this id. */
  async client(id: string, line: Line = 'login'): Promise<unknown> {
    return this.#client(id, line);
  }

  /** All clients, page by page: there may be more than one should keep. */
  clients(): AsyncIterable<readonly unknown[]> {
    return this.#pages(z.array(z.unknown()), clientsAtOnce, (page, options) =>
      this.#oauth2.listOAuth2Clients(page, options),
    );
  }

  /** Registers a client whose id is new. @throws {Problem} `validation_failed` if Hydra doesn't accept what it states. */
  async createClient(oAuth2Client: OAuth2Client): Promise<void> {
    await this.#register((options) => this.#oauth2.createOAuth2Client({ oAuth2Client }, options));
  }

  /**
   * Replaces a client's definition; without a secret, it keeps the one that it has.
   * @throws {Problem} `validation_failed` if Hydra doesn't accept what it states.
   */
  async replaceClient(oAuth2Client: OAuth2Client & { client_id: string }): Promise<void> {
    const id = oAuth2Client.client_id;
    await this.#register((options) => this.#oauth2.setOAuth2Client({ id, oAuth2Client }, options));
  }

  /** Changes where Hydra reports a client's logouts, and nothing else of the client. */
  async setLogoutAddress(id: string, address: string): Promise<void> {
    const jsonPatch: JsonPatch[] = [{ op: 'replace', path: '/backchannel_logout_uri', value: address }];
    await this.#register((options) => this.#oauth2.patchOAuth2Client({ id, jsonPatch }, options));
  }

  /** Removes a client with its tokens and consents; idempotent. */
  async removeClient(id: string): Promise<void> {
    await this.#remove((options) => this.#oauth2.deleteOAuth2Client({ id }, options));
  }

  /** Requires that Hydra and its database are ready. @throws {Problem} `provider_unavailable` if they aren't. */
  async requireReady(): Promise<void> {
    await this.breaker.probe(() => this.#askReady());
  }

  async #askReady(): Promise<void> {
    await requireHealthy(`${this.#adminUrl}/health/ready`, 'hydra_not_ready');
  }

  /**
   * Removes something with its tokens; idempotent. It may meet a refresh in Hydra's database, which ends one of the two (a deadlock): Hydra
   * answers 500, and is asked once more.
   */
  async #remove(call: OryCall): Promise<void> {
    const answer = await this.#ask(call, (failure) => isMissing(failure) || failure === 500);
    requireRemoved(answer.status === 500 ? await this.#ask(call, isMissing) : answer);
  }

  /** Writes a client. @param expected a status that is no failure. @returns the status. */
  async #register(call: OryCall, expected?: number): Promise<number> {
    const { status } = await this.#ask(call, (failure) => failure === 400 || failure === expected);
    if (status === 400) {
      throw new Problem('validation_failed', {
        detail: 'The login provider does not accept this registration.',
        reason: 'client_not_accepted',
      });
    }
    return status;
  }

  /**
   * A list, page by page; the first page is asked for without a page token.
   * @param nextOf the token of the next page; by default the one that Hydra states.
   */
  #pages<Entry>(
    schema: z.ZodType<Entry[]>,
    atOnce: number,
    ask: (
      page: { readonly pageSize: number; readonly pageToken?: string },
      options: Parameters<OryCall>[0],
    ) => Promise<OryAnswer & { readonly headers: Readonly<Record<string, unknown>> }>,
    nextOf: (
      tokens: ReadonlyMap<string, string>,
      read: readonly Entry[],
      pageSize: number,
    ) => string | undefined = (tokens) => tokens.get('next'),
  ): AsyncGenerator<readonly Entry[]> {
    return hydraPages<Entry, string>(atOnce, async (pageSize, pageToken) => {
      let link: unknown;
      const answer = await this.#ask(async (options) => {
        const page = await ask({ pageSize, ...(pageToken === undefined ? {} : { pageToken }) }, options);
        link = page.headers['link'];
        return page;
      }, isOversized);
      if (isOversized(answer.status)) {
        return 'too_large';
      }
      const entries = parse(schema, answer);
      return { entries, next: nextOf(pageTokensIn(link), entries, pageSize) };
    });
  }

  async #client(id: string, line: Line): Promise<unknown> {
    if (id.includes('/')) {
      // Hydra may have it, but no path of its API leads there.
      return undefined;
    }
    const { status, data } = await this.#ask(
      (options) => this.#oauth2.getOAuth2Client({ id }, options),
      isMissing,
      line,
    );
    return isMissing(status) ? undefined : data;
  }

  /** What Hydra knows of a token. While it can't read its database, it takes every token for inactive. */
  async #introspection(token: string): Promise<unknown> {
    return confirmedAnswer(
      async () => this.#askIntrospection(token),
      ({ active }) => !active,
      async () => this.readClients(),
    );
  }

  async #askIntrospection(token: string): Promise<z.output<typeof anyTokenSchema>> {
    return parse(
      anyTokenSchema,
      await this.#ask(
        (options) => this.#oauth2.introspectOAuth2Token({ token }, options),
        undefined,
        'introspection',
      ),
    );
  }

  /** Sends a decision to Hydra. The redirect must stay on this origin, where our proxy exposes Hydra's authorization endpoint. */
  async #decide(call: OryCall): Promise<string> {
    const { redirect_to: target } = await this.#challenge(redirectSchema, call);
    if (!URL.canParse(target) || new URL(target).origin !== this.#publicUrl) {
      throw unavailable('hydra_redirects_elsewhere');
    }
    return target;
  }

  async #challenge<T>(schema: z.ZodType<T>, call: OryCall): Promise<T> {
    const answer = await this.#ask(call, (status) => challengeRejections.has(status));
    if (challengeRejections.has(answer.status)) {
      throw new Problem('challenge_rejected', { reason: `hydra_challenge_${answer.status}` });
    }
    return parse(schema, answer);
  }

  /** Makes a call: it waits in line, goes through the circuit breaker, and has a deadline. */
  async #ask(
    call: OryCall,
    isExpected?: (status: number) => boolean,
    line: Line = 'login',
  ): Promise<OryAnswer> {
    const since = performance.now();
    return this.#lines[line]
      .execute(() => {
        if (performance.now() - since > longestWait[line]) {
          throw unavailable('hydra_busy');
        }
        return this.breaker.runInTime((signal) => call({ signal }));
      })
      .catch((error: unknown) => expectedFailure(error, 'hydra_unreachable', isExpected));
  }
}

function isOversized(status: number): boolean {
  return status === answerTooLarge;
}

/** Requires that an answer says that something is gone. @throws {Problem} `provider_unavailable` for any other, such as a proxy's page. */
function requireRemoved({ status }: OryAnswer): void {
  if (status !== 204 && !isMissing(status)) {
    throw unavailable('hydra_answer_unreadable');
  }
}

function parse<T>(schema: z.ZodType<T>, answer: OryAnswer): T {
  return parseAnswer(schema, answer, 'hydra_answer_unreadable');
}

function clientsOf(consents: readonly GrantedConsent[]): Set<string> {
  return new Set(consents.map(({ consent_request: { client } }) => client.client_id));
}

function originOf({ request_url: requestUrl, oidc_context: context, client }: LoginRequest): LoginOrigin {
  return {
    requestUrl,
    redirectUris: client.redirect_uris ?? [],
    loginHint: context?.login_hint,
    uiLocales: context?.ui_locales ?? [],
    client,
  };
}
