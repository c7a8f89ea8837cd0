import { FrontendApi, IdentityApi, type JsonPatch } from '@ory/client';
import { z } from 'zod';
import type { OryConfiguration } from '../../../platform/config/configuration.js';
import { isId } from '../../../platform/core/id.schema.js';
import { CircuitBreaker } from '../../../platform/upstream/circuit-breaker.js';
import { cookieNames } from '../../../platform/http/cookie-reader.js';
import { UpstreamCookies } from '../../../platform/http/upstream-cookies.js';
import { UpstreamCalls } from '../../../platform/upstream/upstream-calls.js';
import { requireHealthy, unavailable } from '../../../platform/upstream/vendor-call.js';
import { foldIdentifier } from '../../../platform/core/account-identifier.js';
import {
  type OryAnswer,
  type OryCall,
  confirmedAnswer,
  expectedFailure,
  isMissing,
  oryApi,
  parseAnswer,
} from '../ory-api.js';
import type { IdentityLocks } from './identity-locks.js';
import { type KratosLoginMethods, keyCredentials, kratosCredentialsSchema } from './kratos-credentials.js';
import { type PasswordHolder, passwordHolderSchema } from './kratos-password.js';
import { type WrittenIdentity, requireWritten, writtenIdentity } from './kratos-write.js';
import {
  type KratosIdentity,
  type KratosRecovery,
  type KratosSession,
  administratorMetadata,
  kratosIdentitySchema,
  kratosRecoverySchema,
  kratosSessionSchema,
  latestMethodsSchema,
  sessionCookie,
} from './kratos-session.js';
import { type CredentialSnapshot, credentialSnapshotSchema, snapshotCredentials } from './kratos-snapshot.js';

/** The self-service flows that have a page. */
export type FlowKind = 'login' | 'registration' | 'recovery' | 'verification' | 'settings';

/** The result of whoami for a browser: its session, none, or that a second factor is still required. */
export type Whoami =
  | { readonly state: 'live'; readonly session: KratosSession }
  | { readonly state: 'none' }
  | { readonly state: 'aal2_required' };

/** Sessions of an identity that Kratos lists at a time: each has the whole identity, and an answer is limited. */
const sessionsPage = 100;
const mostPages = 100;
/** Id of a session that doesn't exist. Kratos looks it up in the table that whoami reads. */
const noSession = '00000000-0000-0000-0000-000000000000';
const listedSessionsSchema = z.array(
  z.looseObject({
    id: z.string(),
    issued_at: z.iso.datetime({ offset: true }).transform(Date.parse).optional(),
  }),
);

/** Client of Kratos' public and admin APIs. Calls are bounded and reuse connections. Answers are parsed, never trusted. */
export class KratosClient {
  readonly #frontend: FrontendApi;
  readonly #identities: IdentityApi;
  readonly #adminUrl: string;
  readonly #cookies: UpstreamCookies;

  /** @param locks without them, identities are only read. */
  constructor(
    { KRATOS_PUBLIC_URL, KRATOS_ADMIN_URL, PUBLIC_URL }: OryConfiguration,
    private readonly breaker = new CircuitBreaker('kratos'),
    calls = UpstreamCalls.unobserved(),
    private readonly locks?: Pick<IdentityLocks, 'run'>,
  ) {
    this.#cookies = new UpstreamCookies(PUBLIC_URL);
    this.#frontend = calls.observed('kratos', new FrontendApi(oryApi(KRATOS_PUBLIC_URL)));
    this.#identities = calls.observed('kratos', new IdentityApi(oryApi(KRATOS_ADMIN_URL)));
    this.#adminUrl = KRATOS_ADMIN_URL;
    breaker.askWhenLate(() => this.#askReady());
  }

  /** Whether the browser's Kratos cookie belongs to a live session (steps 3 and 4). @param header the request's Cookie header. */
  async whoami(header: string | undefined): Promise<Whoami> {
    const cookie = this.#sessionCookieIn(header);
    if (cookie === undefined) {
      return { state: 'none' };
    }
    // Kratos answers 401 to any cookie while it can't read its database.
    const answer = await confirmedAnswer(
      async () => this.#askWhoami(cookie),
      ({ status }) => status === 401,
      async () => this.readSessions(),
    );
    if (answer.status === 403) {
      return { state: 'aal2_required' };
    }
    const session = answer.status === 401 ? undefined : parse(kratosSessionSchema, answer);
    return session?.active === true ? { state: 'live', session } : { state: 'none' };
  }

  /**
   * Whether Kratos says now that the browser has no session. It says so too while it can't read its database.
   * @param header the request's Cookie header.
   */
  async refusesSession(header: string | undefined): Promise<boolean> {
    const cookie = this.#sessionCookieIn(header);
    return cookie === undefined || (await this.#askWhoami(cookie)).status === 401;
  }

  /** Whether a request brings anything that may be a session. @param header the request's Cookie header. */
  mayHaveSession(header: string | undefined): boolean {
    return this.#sessionCookieIn(header) !== undefined;
  }

  /** Has Kratos read its sessions in its database. @throws {Problem} `provider_unavailable` if it can't. */
  async readSessions(): Promise<void> {
    await this.findSession(noSession);
  }

  /** The browser's session, if it needs nothing more. @param header the request's Cookie header. */
  async liveSession(header: string | undefined): Promise<KratosSession | undefined> {
    const whoami = await this.whoami(header);
    return whoami.state === 'live' ? whoami.session : undefined;
  }

  /** A live session with its identity by id (admin API); undefined when it has ended, has expired, or never existed. */
  async findSession(id: string): Promise<KratosSession | undefined> {
    const session = await this.#find(kratosSessionSchema, (options) =>
      this.#identities.getSession({ id, expand: ['identity'] }, options),
    );
    return session?.active === true ? session : undefined;
  }

  /** What an identity's latest session was authenticated with, also if it still requires a second factor. */
  async latestMethodsOf(id: string): Promise<KratosSession['authentication_methods']> {
    const latest = { id, active: true, pageSize: 1 };
    const answer = await this.#ask((options) => this.#identities.listIdentitySessions(latest, options));
    return parse(latestMethodsSchema, answer);
  }

  /** Ends a session; idempotent. */
  async revokeSession(id: string): Promise<void> {
    await this.#ask((options) => this.#identities.disableSession({ id }, options), isMissing);
  }

  /**
   * Ends all sessions of an identity; idempotent.
   * @param except id of the one that stays. @param begunAfter milliseconds; those that began later stay, too.
   */
  async endSessions(id: string, except?: string, begunAfter = Number.POSITIVE_INFINITY): Promise<void> {
    if (except === undefined && begunAfter === Number.POSITIVE_INFINITY) {
      await this.#ask((options) => this.#identities.deleteIdentitySessions({ id }, options), isMissing);
      return;
    }
    const live = { id, active: true, pageSize: sessionsPage };
    // What has ended is listed no more, so the first page has the others.
    for (let round = 0; round < mostPages; round += 1) {
      const answer = await this.#ask((options) => this.#identities.listIdentitySessions(live, options));
      const listed = parse(listedSessionsSchema, answer);
      const ended = listed.filter(
        (session) => session.id !== except && (session.issued_at ?? 0) <= begunAfter,
      );
      for (const session of ended) {
        await this.revokeSession(session.id);
      }
      if (listed.length < sessionsPage) {
        return;
      }
    }
    throw unavailable('kratos_sessions_left');
  }

  /**
   * A self-service flow as JSON, to be rendered; undefined when it's unknown, expired, or another browser's.
   * @param header the request's Cookie header, which binds the flow to the browser.
   */
  async findFlow(kind: FlowKind, id: string, header: string | undefined): Promise<unknown> {
    const cookie = this.#cookies.toUpstream(header);
    const flow = { id, ...(cookie === undefined ? {} : { cookie }) };
    const calls: Readonly<Record<FlowKind, OryCall>> = {
      login: (options) => this.#frontend.getLoginFlow(flow, options),
      registration: (options) => this.#frontend.getRegistrationFlow(flow, options),
      recovery: (options) => this.#frontend.getRecoveryFlow(flow, options),
      verification: (options) => this.#frontend.getVerificationFlow(flow, options),
      settings: (options) => this.#frontend.getSettingsFlow(flow, options),
    };
    const { status, data } = await this.#ask(calls[kind], (failure) => failure < 500);
    return status === 200 ? data : undefined;
  }

  /**
   * Begins a login flow in which the user of a session would confirm who they are. Nobody has to submit it.
   * @param header the request's Cookie header. @returns the flow as JSON; undefined if Kratos refuses it.
   */
  async beginConfirmation(header: string | undefined): Promise<unknown> {
    const cookie = this.#cookies.toUpstream(header) ?? '';
    const { status, data } = await this.#ask(
      (options) => this.#frontend.createBrowserLoginFlow({ cookie, refresh: true }, options),
      (failure) => failure < 500,
    );
    return status === 200 ? data : undefined;
  }

  /**
   * Where Kratos sends a browser that has a session, at any assurance level, and brings a login challenge. It asks its
   * `oauth2_provider.url` for that, so that silence isn't held against Kratos.
   * @param header the request's Cookie header. @returns undefined if Kratos doesn't say.
   */
  async challengeTarget(header: string | undefined, loginChallenge: string): Promise<string | undefined> {
    const cookie = this.#cookies.toUpstream(header) ?? '';
    // It tells a page, and not a script; but for a page it would keep each error in a table that nothing cleans.
    const headers = { accept: 'text/html', 'content-type': 'application/json' };
    const page = { headers, validateStatus: () => true };
    try {
      const answer = await this.breaker.limit((signal) =>
        this.#frontend.createBrowserLoginFlow({ cookie, loginChallenge }, { signal, ...page }),
      );
      return z.string().safeParse(answer.headers['location']).data;
    } catch {
      return undefined;
    }
  }

  /** The error that Kratos reports on the error page; undefined, or an empty object, when the id is unknown. */
  async findError(id: string): Promise<unknown> {
    const { status, data } = await this.#ask(
      (options) => this.#frontend.getFlowError({ id }, options),
      () => true,
    );
    return status === 200 || data === undefined ? data : {};
  }

  /** The identity with this e-mail address as a credential. */
  async findIdentityByEmail(email: string): Promise<KratosIdentity | undefined> {
    if (email === '') {
      // Kratos would list all of them.
      return undefined;
    }
    const answer = await this.#ask((options) =>
      this.#identities.listIdentities({ credentialsIdentifier: email }, options),
    );
    return parse(kratosIdentitySchema.array(), answer)[0];
  }

  /** Whose password a login with this name tries. @param name folded. */
  async findPasswordHolder(name: string): Promise<PasswordHolder> {
    const named = { credentialsIdentifier: name, includeCredential: ['password'] };
    const answer = await this.#ask((options) => this.#identities.listIdentities(named, options));
    return parse(passwordHolderSchema(name), answer);
  }

  /** The identity with this id; undefined when there is none. */
  async findIdentity(id: string): Promise<KratosIdentity | undefined> {
    if (!isId(id)) {
      return undefined;
    }
    // A question for one identity takes Kratos twice the work: it then reads credentials, too.
    const answer = await this.#ask((options) => this.#identities.listIdentities({ ids: [id] }, options));
    return parse(kratosIdentitySchema.array(), answer).find((identity) => identity.id === id.toLowerCase());
  }

  /** How an identity can log in; undefined when there is no such identity. */
  async loginMethodsOf(id: string): Promise<KratosLoginMethods | undefined> {
    return this.#find(kratosCredentialsSchema, (options) =>
      this.#identities.getIdentity({ id, includeCredential: [...keyCredentials] }, options),
    );
  }

  /** What an identity's credentials can be compared by; undefined when there is no such identity. */
  async snapshotOf(id: string): Promise<CredentialSnapshot | undefined> {
    return this.#find(credentialSnapshotSchema, (options) =>
      this.#identities.getIdentity({ id, includeCredential: [...snapshotCredentials] }, options),
    );
  }

  /**
   * Changes traits; null removes one.
   * @param source of the change, as {@link IdentityLocks} has it.
   * @returns `rejected` by the identity schema, `unknown` without such an identity.
   */
  async updateTraits(
    id: string,
    traits: Readonly<Record<string, string | null>>,
    source: string,
  ): Promise<'updated' | 'rejected' | 'unknown'> {
    const written = await this.#patch(
      id,
      Object.entries(traits).flatMap(([name, value]): JsonPatch[] => {
        const path = `/traits/${name}`;
        // `remove` fails if there is nothing to remove (RFC 6902 section 4.2), so a value is added first.
        const added: JsonPatch = { op: 'add', path, value: value ?? '' };
        return value === null ? [added, { op: 'remove', path }] : [added];
      }),
      isMissingOrInvalid,
      source,
    );
    if (typeof written === 'number') {
      return isMissing(written) ? 'unknown' : 'rejected';
    }
    requireWritten(Object.entries(traits).every(([name, value]) => (written.traits[name] ?? null) === value));
    return 'updated';
  }

  /** Marks an address as verified. @param email folded. @returns false without such an identity or address. */
  async verifyAddress(id: string, email: string): Promise<boolean> {
    const answer = await this.#ask(
      (options) => this.#identities.getIdentity({ id }, options),
      isMissingOrInvalid,
    );
    if (isMissingOrInvalid(answer.status)) {
      return false;
    }
    const addresses = parse(kratosIdentitySchema, answer).verifiable_addresses;
    const index = addresses.findIndex(({ value }) => foldIdentifier(value) === email);
    const value = addresses[index]?.value;
    if (value === undefined) {
      return false;
    }
    const path = `/verifiable_addresses/${index}`;
    const written = await this.#patch(id, [
      // The person may change the address at this moment. Kratos drops an address that the traits no longer have, and marks no
      // other.
      { op: 'replace', path: `${path}/value`, value },
      { op: 'replace', path: `${path}/verified`, value: true },
      { op: 'replace', path: `${path}/status`, value: 'completed' },
      { op: 'add', path: `${path}/verified_at`, value: new Date().toISOString() },
    ]);
    if (typeof written === 'number') {
      return false;
    }
    const address = written.verifiable_addresses.find((other) => foldIdentifier(other.value) === email);
    requireWritten(address?.verified !== false);
    return address !== undefined;
  }

  /** Allows or forbids an identity to log in; it's no error if the identity is gone. Its sessions are ended separately: Kratos keeps them for when it may again. */
  async setState(id: string, state: 'active' | 'inactive'): Promise<void> {
    const written = await this.#patch(id, [{ op: 'replace', path: '/state', value: state }], isMissing);
    requireWritten(typeof written === 'number' || written.state === state);
  }

  /**
   * Begins a recovery whose code isn't mailed. The code is valid as long as a mailed one (`methods.code.config.lifespan`).
   * @returns nothing when there is no such identity.
   */
  async createRecovery(id: string): Promise<KratosRecovery | undefined> {
    const body = { createRecoveryCodeForIdentityBody: { identity_id: id } };
    return this.#find(kratosRecoverySchema, (options) =>
      this.#identities.createRecoveryCodeForIdentity(body, options),
    );
  }

  /** Deletes an identity with its credentials and sessions; idempotent. */
  async deleteIdentity(id: string): Promise<void> {
    await this.#ask((options) => this.#identities.deleteIdentity({ id }, options), isMissing);
  }

  /** Creates an identity with a password and a verified address. Only for the first administrator. */
  async createAdministrator(email: string, password: string): Promise<KratosIdentity> {
    const createIdentityBody = {
      schema_id: 'default',
      traits: { email, name: 'Administrator' },
      metadata_admin: administratorMetadata,
      credentials: { password: { config: { password } } },
      verifiable_addresses: [{ value: email, verified: true, via: 'email' as const, status: 'completed' }],
    };
    return parse(
      kratosIdentitySchema,
      await this.#ask((options) => this.#identities.createIdentity({ createIdentityBody }, options)),
    );
  }

  /** Requires that Kratos and its database are ready. @throws {Problem} `provider_unavailable` if they aren't. */
  async requireReady(): Promise<void> {
    await this.breaker.probe(() => this.#askReady());
  }

  async #askReady(): Promise<void> {
    await requireHealthy(`${this.#adminUrl}/admin/health/ready`, 'kratos_not_ready');
  }

  /** The cookies for Kratos, if its session's is among them. */
  #sessionCookieIn(header: string | undefined): string | undefined {
    const cookie = this.#cookies.toUpstream(header);
    return cookie !== undefined && mayHoldSession(cookie) ? cookie : undefined;
  }

  async #askWhoami(cookie: string): Promise<OryAnswer> {
    return this.#ask(
      (options) => this.#frontend.toSession({ cookie }, options),
      (status) => status === 401 || status === 403,
    );
  }

  /**
   * Patches an identity.
   * @returns the identity as Kratos has written it, or the status of an expected failure.
   * @throws {Problem} `provider_unavailable`, also for an answer that isn't this identity, such as a proxy's page.
   */
  async #patch(
    id: string,
    jsonPatch: JsonPatch[],
    isExpected = isMissingOrInvalid,
    source?: string,
  ): Promise<WrittenIdentity | number> {
    if (this.locks === undefined) {
      throw new ReferenceError('this client of Kratos only reads identities');
    }
    const answer = await this.locks.run(
      id,
      async () =>
        this.#ask((options) => this.#identities.patchIdentity({ id, jsonPatch }, options), isExpected),
      source,
    );
    return isExpected(answer.status) ? answer.status : writtenIdentity(id, answer);
  }

  /** Reads something that may be gone. */
  async #find<T>(schema: z.ZodType<T>, call: OryCall): Promise<T | undefined> {
    const answer = await this.#ask(call, isMissing);
    return isMissing(answer.status) ? undefined : parse(schema, answer);
  }

  /** Makes a call through the circuit breaker, with a deadline. */
  async #ask(call: OryCall, isExpected?: (status: number) => boolean): Promise<OryAnswer> {
    return this.breaker
      .runInTime((signal) => call({ signal }))
      .catch((error: unknown) => expectedFailure(error, 'kratos_unreachable', isExpected));
  }
}

function parse<T>(schema: z.ZodType<T>, answer: OryAnswer): T {
  return parseAnswer(schema, answer, 'kratos_answer_unreadable');
}

function isMissingOrInvalid(status: number): boolean {
  return status === 400 || isMissing(status);
}

function mayHoldSession(cookie: string): boolean {
  return cookieNames(cookie, '').includes(sessionCookie);
}
