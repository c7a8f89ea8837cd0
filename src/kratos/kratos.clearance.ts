import { randomBytes } from 'node:crypto';
import {
  Configuration as OryConfiguration,
  type DeleteIdentityCredentialsTypeEnum,
  FrontendApi,
  IdentityApi,
} from '@ory/client';
import { z } from 'zod';
import type { OryConfiguration as Settings } from '../config/configuration.js';
import { CircuitBreaker } from '../core/circuit.breaker.js';
import { Problem } from '../core/problem.error.js';
import { statusOf, unavailable, vendorRequestDefaults, vendorTarget } from '../core/vendor.call.js';
import { mergeCookies } from '../http/cookie.reader.js';
import { UpstreamCookies } from '../http/upstream.cookies.js';
import { UpstreamCalls } from '../upstreams/upstream.calls.js';
import { type KratosSession, kratosIdentitySchema, kratosSessionSchema } from './kratos.session.js';

/** An identity with the names of its credentials. */
const holderSchema = kratosIdentitySchema.extend({
  schema_id: z.string(),
  state: z.string(),
  metadata_public: z.unknown(),
  credentials: z
    .record(z.string(), z.looseObject({ identifiers: z.array(z.string()).nullish() }))
    .nullish()
    .transform((credentials) => credentials ?? {}),
});

export type CredentialHolder = z.output<typeof holderSchema>;

/** As much of a settings flow as passkeys are removed by. */
const settingsSchema = z.looseObject({
  id: z.string(),
  ui: z.looseObject({
    nodes: z.array(
      z.looseObject({
        attributes: z.looseObject({ name: z.string().optional(), value: z.unknown().optional() }),
      }),
    ),
  }),
});

/** Credentials that an identity can be without, and that the admin API deletes by their type. */
const secondFactors = ['totp', 'webauthn', 'lookup_secret'] as const;

/** Sessions that are looked through for the one of a recovery. */
const recentSessions = 250;

/** Removes from an identity what others may have set up before the owner of its address came. */
export class KratosClearance {
  readonly #frontend: FrontendApi;
  readonly #identities: IdentityApi;
  readonly #breaker: CircuitBreaker;
  readonly #cookies: UpstreamCookies;

  constructor(
    { KRATOS_PUBLIC_URL, KRATOS_ADMIN_URL, PUBLIC_URL }: Settings,
    breaker = new CircuitBreaker('kratos'),
    calls = UpstreamCalls.unobserved(),
  ) {
    this.#breaker = breaker;
    this.#cookies = new UpstreamCookies(PUBLIC_URL);
    const apiAt = (address: string): OryConfiguration => {
      const { basePath, socketPath } = vendorTarget(address);
      return new OryConfiguration({ basePath, baseOptions: { ...vendorRequestDefaults, socketPath } });
    };
    this.#frontend = calls.observed('kratos', new FrontendApi(apiAt(KRATOS_PUBLIC_URL)));
    this.#identities = calls.observed('kratos', new IdentityApi(apiAt(KRATOS_ADMIN_URL)));
  }

  /** An identity with its credentials. @throws {Problem} `provider_unavailable`, also when it's gone. */
  async holder(id: string): Promise<CredentialHolder> {
    const { data } = await this.#ask((options) => this.#identities.getIdentity({ id }, options));
    return parse(holderSchema, data);
  }

  /**
   * The session that a recovery has just begun for the identity with this address, where only the admin API may see it: a second
   * factor is still to be given.
   */
  async findRecovered(email: string): Promise<KratosSession | undefined> {
    const { data } = await this.#ask((options) =>
      this.#identities.listSessions(
        { active: true, pageSize: recentSessions, expand: ['identity'] },
        options,
      ),
    );
    const sessions = parse(z.array(z.unknown()), data).flatMap((item) => {
      const session = kratosSessionSchema.safeParse(item);
      return session.success ? [session.data] : [];
    });
    // Newest first. An address can recover one identity alone.
    return sessions.find(
      ({ identity, authentication_methods: methods }) =>
        methods.some(({ method }) => method === 'code_recovery') &&
        identity.traits.email?.toLowerCase() === email.toLowerCase(),
    );
  }

  /** Removes second factors and linked logins. @param kept methods that stay. */
  async removeFactors(holder: CredentialHolder, kept: ReadonlySet<string>): Promise<void> {
    const { id, credentials } = holder;
    for (const type of secondFactors) {
      if (type in credentials && !kept.has(type)) {
        await this.#delete(id, type);
      }
    }
    if (!kept.has('oidc')) {
      for (const identifier of credentials['oidc']?.identifiers ?? []) {
        await this.#delete(id, 'oidc', identifier);
      }
    }
  }

  /** Replaces the password by one that nobody knows. An identity that had none gets one too. */
  async replacePassword({
    id,
    schema_id,
    traits,
    state,
    metadata_admin,
    metadata_public,
  }: CredentialHolder): Promise<void> {
    const updateIdentityBody = {
      schema_id,
      traits,
      state: state === 'inactive' ? ('inactive' as const) : ('active' as const),
      metadata_admin: metadata_admin ?? null,
      metadata_public: metadata_public ?? null,
      credentials: { password: { config: { password: randomBytes(32).toString('base64url') } } },
    };
    await this.#ask((options) => this.#identities.updateIdentity({ id, updateIdentityBody }, options));
  }

  /**
   * Removes every passkey. The admin API can't, so it's done as their owner would, in the settings.
   * @param header Cookie of a browser whose session has just begun, and owes no second factor.
   */
  async removePasskeys(header: string): Promise<void> {
    const cookie = this.#cookies.toUpstream(header) ?? '';
    const flow = await this.#settings(cookie);
    const { nodes } = flow.ui;
    const removals = nodes.flatMap(({ attributes: { name, value } }) =>
      name === 'passkey_remove' && typeof value === 'string' ? [value] : [],
    );
    for (const removal of removals) {
      const { id, csrfToken, cookies } = await this.#settings(cookie);
      const updateSettingsFlowBody = {
        method: 'passkey' as const,
        csrf_token: csrfToken,
        passkey_remove: removal,
      };
      await this.#ask((options) =>
        this.#frontend.updateSettingsFlow({ flow: id, updateSettingsFlowBody, cookie: cookies }, options),
      );
    }
  }

  /** Ends every other session of the identity whose session this is. @param header Cookie of its browser. */
  async endOtherSessions(header: string): Promise<void> {
    const cookie = this.#cookies.toUpstream(header) ?? '';
    await this.#ask((options) => this.#frontend.disableMyOtherSessions({ cookie }, options));
  }

  async #settings(
    cookie: string,
  ): Promise<z.output<typeof settingsSchema> & { readonly csrfToken: string; readonly cookies: string }> {
    const { data, headers } = await this.#ask((options) =>
      this.#frontend.createBrowserSettingsFlow({ cookie }, options),
    );
    const flow = parse(settingsSchema, data);
    const token = flow.ui.nodes.find(({ attributes }) => attributes.name === 'csrf_token')?.attributes.value;
    return {
      ...flow,
      csrfToken: typeof token === 'string' ? token : '',
      cookies: mergeCookies(cookie, [headers['set-cookie'] ?? []].flat()),
    };
  }

  async #delete(id: string, type: DeleteIdentityCredentialsTypeEnum, identifier?: string): Promise<void> {
    const which = { id, type, ...(identifier === undefined ? {} : { identifier }) };
    try {
      await this.#ask((options) => this.#identities.deleteIdentityCredentials(which, options));
    } catch (error) {
      if (!(error instanceof Problem) || error.reason !== 'kratos_has_none') {
        throw error;
      }
    }
  }

  /** Every call goes through the circuit, and is over in time. */
  async #ask<T>(call: (options: { readonly signal: AbortSignal }) => Promise<T>): Promise<T> {
    try {
      return await this.#breaker.runInTime((signal) => call({ signal }));
    } catch (error) {
      if (error instanceof Problem) {
        throw error;
      }
      throw unavailable(statusOf(error) === 404 ? 'kratos_has_none' : 'kratos_clearance_failed', error);
    }
  }
}

function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (!result.success) {
    throw unavailable('kratos_answer_unreadable');
  }
  return result.data;
}
