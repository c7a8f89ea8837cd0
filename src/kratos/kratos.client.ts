import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { Configuration as OryConfiguration, FrontendApi, IdentityApi, type JsonPatch } from '@ory/client';
import type { OryConfiguration as Settings } from '../config/configuration.js';
import { Problem } from '../core/problem.error.js';
import { bodyOf, requireHealthy, statusOf, unavailable, vendorRequestDefaults } from '../core/vendor.call.js';
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

/** Kratos' public and admin APIs: bounded calls over kept connections, answers parsed, never trusted as they are. */
export class KratosClient {
  readonly #frontend: FrontendApi;
  readonly #identities: IdentityApi;
  readonly #adminUrl: string;

  constructor({ KRATOS_PUBLIC_URL, KRATOS_ADMIN_URL }: Settings) {
    const baseOptions = {
      ...vendorRequestDefaults,
      httpAgent: new HttpAgent({ keepAlive: true }),
      httpsAgent: new HttpsAgent({ keepAlive: true }),
    };
    this.#frontend = new FrontendApi(new OryConfiguration({ basePath: KRATOS_PUBLIC_URL, baseOptions }));
    const admin = new OryConfiguration({ basePath: KRATOS_ADMIN_URL, baseOptions });
    this.#identities = new IdentityApi(admin);
    this.#adminUrl = KRATOS_ADMIN_URL;
  }

  /** Steps 3 and 4: is the browser's Kratos cookie a live session? @param cookie the request's Cookie header. */
  async whoami(cookie: string | undefined): Promise<Whoami> {
    if (cookie === undefined) {
      return { state: 'none' };
    }
    try {
      const { data } = await this.#frontend.toSession({ cookie });
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
      const { data } = await this.#identities.getSession({ id, expand: ['identity'] });
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
      await this.#identities.disableSession({ id });
    } catch (error) {
      if (statusOf(error) !== 404) {
        throw asUnavailable(error);
      }
    }
  }

  /**
   * A self-service flow as JSON, to be rendered; undefined when it's unknown, expired, or another browser's.
   * @param cookie the request's Cookie header, which ties the flow to the browser.
   */
  async findFlow(kind: FlowKind, id: string, cookie: string | undefined): Promise<unknown> {
    const parameters = { id, ...(cookie === undefined ? {} : { cookie }) };
    try {
      const { data } = await this.#readFlow(kind, parameters);
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
      const { data } = await this.#frontend.getFlowError({ id });
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
      const { data } = await this.#identities.listIdentities({ credentialsIdentifier: email });
      const [first] = Array.isArray(data) ? data : [];
      return first === undefined ? undefined : parse(kratosIdentitySchema, first);
    } catch (error) {
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
      await this.#identities.patchIdentity({ id, jsonPatch });
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

  /** Lets an identity log in, or not; one that is gone already is fine. Its sessions are ended by themselves. */
  async setState(id: string, state: 'active' | 'inactive'): Promise<void> {
    try {
      await this.#identities.patchIdentity({
        id,
        jsonPatch: [{ op: 'replace', path: '/state', value: state }],
      });
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
      const { data } = await this.#identities.createRecoveryCodeForIdentity({
        createRecoveryCodeForIdentityBody: { identity_id: id },
      });
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
      await this.#identities.deleteIdentity({ id });
    } catch (error) {
      if (statusOf(error) !== 404) {
        throw asUnavailable(error);
      }
    }
  }

  /** Makes an identity with a password and a verified address. Only for the first administrator. */
  async createAdministrator(email: string, password: string): Promise<KratosIdentity> {
    try {
      const { data } = await this.#identities.createIdentity({
        createIdentityBody: {
          schema_id: 'default',
          traits: { email, name: 'Administrator' },
          metadata_admin: administratorMetadata,
          credentials: { password: { config: { password } } },
          verifiable_addresses: [{ value: email, verified: true, via: 'email', status: 'completed' }],
        },
      });
      return parse(kratosIdentitySchema, data);
    } catch (error) {
      throw asUnavailable(error);
    }
  }

  /** @throws {Problem} `provider_unavailable` unless Kratos and its database are ready. */
  async requireReady(): Promise<void> {
    await requireHealthy(`${this.#adminUrl}/admin/health/ready`, 'kratos_not_ready');
  }

  #readFlow(kind: FlowKind, parameters: { id: string; cookie?: string }): Promise<{ data: unknown }> {
    switch (kind) {
      case 'login':
        return this.#frontend.getLoginFlow(parameters);
      case 'registration':
        return this.#frontend.getRegistrationFlow(parameters);
      case 'recovery':
        return this.#frontend.getRecoveryFlow(parameters);
      case 'verification':
        return this.#frontend.getVerificationFlow(parameters);
      case 'settings':
        return this.#frontend.getSettingsFlow(parameters);
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

function asUnavailable(error: unknown): Problem {
  return error instanceof Problem ? error : unavailable('kratos_unreachable', error);
}
