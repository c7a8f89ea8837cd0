import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import {
  type CreateIdentityBody,
  Configuration as OryConfiguration,
  FrontendApi,
  IdentityApi,
  type JsonPatch,
} from '@ory/client';
import type { OryConfiguration as Settings } from '../config/configuration.js';
import { CircuitBreaker } from '../core/circuit.breaker.js';
import { Problem } from '../core/problem.error.js';
import { cookieNames } from '../http/cookie.reader.js';
import { UpstreamCookies } from '../http/upstream.cookies.js';
import { UpstreamCalls } from '../upstreams/upstream.calls.js';
import {
  bodyOf,
  requireHealthy,
  statusOf,
  unavailable,
  vendorRequestDefaults,
  vendorTarget,
} from '../core/vendor.call.js';
import { type KratosLoginMethods, keyCredentials, kratosCredentialsSchema } from './kratos.credentials.js';
import {
  type KratosIdentity,
  type KratosRecovery,
  type KratosSession,
  administratorMetadata,
  kratosIdentitySchema,
  kratosRecoverySchema,
  kratosSessionSchema,
} from './kratos.session.js';

/** The self-service flows that have a page. */
export type FlowKind = 'login' | 'registration' | 'recovery' | 'verification' | 'settings';

/** What whoami says of a browser: its session, none, or that a second factor is still to be given. */
export type Whoami =
  | { readonly state: 'live'; readonly session: KratosSession }
  | { readonly state: 'none' }
  | { readonly state: 'aal2_required' };

interface CallOptions {
  readonly signal: AbortSignal;
}

/** Kratos' public and admin APIs: bounded calls over kept connections, answers parsed, never trusted as they are. */
export class KratosClient {
  readonly #frontend: FrontendApi;
  readonly #identities: IdentityApi;
  readonly #adminUrl: string;
  readonly #breaker: CircuitBreaker;
  readonly #cookies: UpstreamCookies;

  constructor(
    { KRATOS_PUBLIC_URL, KRATOS_ADMIN_URL, PUBLIC_URL }: Settings,
    breaker = new CircuitBreaker('kratos'),
    calls = UpstreamCalls.unobserved(),
  ) {
    this.#breaker = breaker;
    this.#cookies = new UpstreamCookies(PUBLIC_URL);
    const baseOptions = {
      ...vendorRequestDefaults,
      httpAgent: new HttpAgent({ keepAlive: true }),
      httpsAgent: new HttpsAgent({ keepAlive: true }),
    };
    const frontend = new FrontendApi(new OryConfiguration({ basePath: KRATOS_PUBLIC_URL, baseOptions }));
    this.#frontend = calls.observed('kratos', frontend);
    const { basePath, socketPath } = vendorTarget(KRATOS_ADMIN_URL);
    const admin = new OryConfiguration({ basePath, baseOptions: { ...baseOptions, socketPath } });
    this.#identities = calls.observed('kratos', new IdentityApi(admin));
    this.#adminUrl = KRATOS_ADMIN_URL;
  }

  /** Steps 3 and 4: is the browser's Kratos cookie a live session? @param header the request's Cookie header. */
  async whoami(header: string | undefined): Promise<Whoami> {
    const cookie = this.#cookies.toUpstream(header);
    if (cookie === undefined || !mayHoldSession(cookie)) {
      return { state: 'none' };
    }
    try {
      const { data } = await this.#ask((options) => this.#frontend.toSession({ cookie }, options));
      const session = parse(kratosSessionSchema, data);
      return session.active ? { state: 'live', session } : { state: 'none' };
    } catch (error) {
      switch (statusOf(error)) {
        case 401:
          return { state: 'none' };
        case 403:
          return { state: 'aal2_required' };
        default:
          throw asUnavailable(error);
      }
    }
  }

  /** A live session with its identity by id (admin API); undefined when it has ended, expired, or never was. */
  async findSession(id: string): Promise<KratosSession | undefined> {
    try {
      const { data } = await this.#ask((options) =>
        this.#identities.getSession({ id, expand: ['identity'] }, options),
      );
      const session = parse(kratosSessionSchema, data);
      return session.active ? session : undefined;
    } catch (error) {
      if (statusOf(error) === 404) {
        return undefined;
      }
      throw asUnavailable(error);
    }
  }

  /** Ends a session; one that has ended already is fine. */
  async revokeSession(id: string): Promise<void> {
    try {
      await this.#ask((options) => this.#identities.disableSession({ id }, options));
    } catch (error) {
      if (statusOf(error) !== 404) {
        throw asUnavailable(error);
      }
    }
  }

  /**
   * A self-service flow as JSON, to be rendered; undefined when it's unknown, expired, or another browser's.
   * @param header the request's Cookie header, which ties the flow to the browser.
   */
  async findFlow(kind: FlowKind, id: string, header: string | undefined): Promise<unknown> {
    const cookie = this.#cookies.toUpstream(header);
    const parameters = { id, ...(cookie === undefined ? {} : { cookie }) };
    try {
      const { data } = await this.#ask((options) => this.#readFlow(kind, parameters, options));
      return data;
    } catch (error) {
      const status = statusOf(error);
      if (status !== undefined && status < 500) {
        return undefined;
      }
      throw asUnavailable(error);
    }
  }

  /** What Kratos wants to tell a person on the error page; undefined when the id is unknown. */
  async findError(id: string): Promise<unknown> {
    try {
      const { data } = await this.#ask((options) => this.#frontend.getFlowError({ id }, options));
      return data;
    } catch (error) {
      if (statusOf(error) === undefined) {
        throw asUnavailable(error);
      }
      return bodyOf(error) === undefined ? undefined : {};
    }
  }

  /** The identity with this e-mail address as a credential. */
  async findIdentityByEmail(email: string): Promise<KratosIdentity | undefined> {
    try {
      const { data } = await this.#ask((options) =>
        this.#identities.listIdentities({ credentialsIdentifier: email }, options),
      );
      return parse(kratosIdentitySchema.array(), data)[0];
    } catch (error) {
      throw asUnavailable(error);
    }
  }

  /** How an identity can log in; undefined when there is no such identity. */
  async loginMethodsOf(id: string): Promise<KratosLoginMethods | undefined> {
    try {
      const { data } = await this.#ask((options) =>
        this.#identities.getIdentity({ id, includeCredential: [...keyCredentials] }, options),
      );
      return parse(kratosCredentialsSchema, data);
    } catch (error) {
      if (statusOf(error) === 404) {
        return undefined;
      }
      throw asUnavailable(error);
    }
  }

  /**
   * Changes traits of an identity; null takes one away.
   * @returns `rejected` when the identity schema doesn't allow it, `unknown` when there is no such identity.
   */
  async updateTraits(
    id: string,
    traits: Readonly<Record<string, string | null>>,
  ): Promise<'updated' | 'rejected' | 'unknown'> {
    const jsonPatch = Object.entries(traits).flatMap(([name, value]): JsonPatch[] => {
      const path = `/traits/${name}`;
      // `remove` fails where there is nothing (RFC 6902 section 4.2): so there is something first.
      return value === null
        ? [
            { op: 'add', path, value: '' },
            { op: 'remove', path },
          ]
        : [{ op: 'add', path, value }];
    });
    try {
      await this.#ask((options) => this.#identities.patchIdentity({ id, jsonPatch }, options));
      return 'updated';
    } catch (error) {
      switch (statusOf(error)) {
        case 400:
          return 'rejected';
        case 404:
          return 'unknown';
        default:
          throw asUnavailable(error);
      }
    }
  }

  /**
   * Marks an address of an identity as verified.
   * @param email in lower case.
   * @returns false when there is no such identity, or it has another address.
   */
  async verifyAddress(id: string, email: string): Promise<boolean> {
    try {
      const { data } = await this.#ask((options) => this.#identities.getIdentity({ id }, options));
      const addresses = parse(kratosIdentitySchema, data).verifiable_addresses;
      const index = addresses.findIndex(({ value }) => value.toLowerCase() === email);
      const value = addresses[index]?.value;
      if (value === undefined) {
        return false;
      }
      const path = `/verifiable_addresses/${index}`;
      const jsonPatch: JsonPatch[] = [
        // The person may change the address at this moment: Kratos drops one that the traits no longer have, and marks no other.
        { op: 'replace', path: `${path}/value`, value },
        { op: 'replace', path: `${path}/verified`, value: true },
        { op: 'replace', path: `${path}/status`, value: 'completed' },
        { op: 'add', path: `${path}/verified_at`, value: new Date().toISOString() },
      ];
      await this.#ask((options) => this.#identities.patchIdentity({ id, jsonPatch }, options));
      return true;
    } catch (error) {
      const status = statusOf(error);
      if (status === 400 || status === 404) {
        return false;
      }
      throw asUnavailable(error);
    }
  }

  /** Lets an identity log in, or not; one that is gone already is fine. Its sessions are ended by themselves. */
  async setState(id: string, state: 'active' | 'inactive'): Promise<void> {
    try {
      const jsonPatch: JsonPatch[] = [{ op: 'replace', path: '/state', value: state }];
      await this.#ask((options) => this.#identities.patchIdentity({ id, jsonPatch }, options));
    } catch (error) {
      if (statusOf(error) !== 404) {
        throw asUnavailable(error);
      }
    }
  }

  /**
   * Begins a recovery whose code isn't mailed; it lives as long as those that are (`methods.code.config.lifespan`).
   * @returns nothing when there is no such identity.
   */
  async createRecovery(id: string): Promise<KratosRecovery | undefined> {
    try {
      const body = { createRecoveryCodeForIdentityBody: { identity_id: id } };
      const { data } = await this.#ask((options) =>
        this.#identities.createRecoveryCodeForIdentity(body, options),
      );
      return parse(kratosRecoverySchema, data);
    } catch (error) {
      if (statusOf(error) === 404) {
        return undefined;
      }
      throw asUnavailable(error);
    }
  }

  /** Deletes an identity with its credentials and sessions; one that is gone already is fine. */
  async deleteIdentity(id: string): Promise<void> {
    try {
      await this.#ask((options) => this.#identities.deleteIdentity({ id }, options));
    } catch (error) {
      if (statusOf(error) !== 404) {
        throw asUnavailable(error);
      }
    }
  }

  /** Makes an identity with a password and a verified address. Only for the first administrator. */
  async createAdministrator(email: string, password: string): Promise<KratosIdentity> {
    try {
      const createIdentityBody: CreateIdentityBody = {
        schema_id: 'default',
        traits: { email, name: 'Administrator' },
        metadata_admin: administratorMetadata,
        credentials: { password: { config: { password } } },
        verifiable_addresses: [{ value: email, verified: true, via: 'email', status: 'completed' }],
      };
      const { data } = await this.#ask((options) =>
        this.#identities.createIdentity({ createIdentityBody }, options),
      );
      return parse(kratosIdentitySchema, data);
    } catch (error) {
      throw asUnavailable(error);
    }
  }

  /** @throws {Problem} `provider_unavailable` unless Kratos and its database are ready. */
  async requireReady(): Promise<void> {
    await this.#breaker.probe(() =>
      requireHealthy(`${this.#adminUrl}/admin/health/ready`, 'kratos_not_ready'),
    );
  }

  /** Every call goes through the circuit, and is over in time. */
  async #ask<T>(call: (options: CallOptions) => Promise<T>): Promise<T> {
    return this.#breaker.runInTime((signal) => call({ signal }));
  }

  #readFlow(
    kind: FlowKind,
    parameters: { id: string; cookie?: string },
    options: CallOptions,
  ): Promise<{ data: unknown }> {
    switch (kind) {
      case 'login':
        return this.#frontend.getLoginFlow(parameters, options);
      case 'registration':
        return this.#frontend.getRegistrationFlow(parameters, options);
      case 'recovery':
        return this.#frontend.getRecoveryFlow(parameters, options);
      case 'verification':
        return this.#frontend.getVerificationFlow(parameters, options);
      case 'settings':
        return this.#frontend.getSettingsFlow(parameters, options);
    }
  }
}

function parse<T>(schema: { safeParse(value: unknown): { success: boolean; data?: T } }, value: unknown): T {
  const result = schema.safeParse(value);
  if (!result.success || result.data === undefined) {
    throw unavailable('kratos_answer_unreadable');
  }
  return result.data;
}

/** Whether a cookie is there that isn't Hydra's: what Kratos calls its own, its configuration says. */
function mayHoldSession(cookie: string): boolean {
  return cookieNames(cookie, '').some((name) => !name.startsWith('ory_hydra_'));
}

function asUnavailable(error: unknown): Problem {
  return error instanceof Problem ? error : unavailable('kratos_unreachable', error);
}
