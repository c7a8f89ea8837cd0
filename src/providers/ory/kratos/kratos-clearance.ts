import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { type DeleteIdentityCredentialsTypeEnum, FrontendApi, IdentityApi } from '@ory/client';
import { z } from 'zod';
import type { OryConfiguration } from '../../../platform/config/configuration.js';
import { CircuitBreaker } from '../../../platform/upstream/circuit-breaker.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import { statusOf, unavailable } from '../../../platform/upstream/vendor-call.js';
import { mergeCookies } from '../../../platform/http/cookie-reader.js';
import { UpstreamCookies } from '../../../platform/http/upstream-cookies.js';
import { UpstreamCalls } from '../../../platform/upstream/upstream-calls.js';
import { foldIdentifier } from '../../../platform/core/account-identifier.js';
import { type OryAnswer, type OryCall, isMissing, isOfOry, oryApi, parseAnswer } from '../ory-api.js';
import type { IdentityLocks } from './identity-locks.js';
import { kratosFlowSchema, valuesOf } from './kratos-flow.js';
import { requireWritten, writtenIdentity } from './kratos-write.js';
import { type KratosSession, kratosIdentitySchema, kratosSessionSchema } from './kratos-session.js';

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

const settingsSchema = kratosFlowSchema.extend({ id: z.string() });

/** Credentials that an identity can do without, and that the admin API deletes by type. */
const secondFactors = ['totp', 'webauthn', 'lookup_secret'] as const;

/** Maximum recent sessions that are searched for that of a recovery. */
const recentSessions = 250;

/** Removes from an identity anything that others may have set up before the owner of its address arrived. */
export class KratosClearance {
  readonly #frontend: FrontendApi;
  readonly #identities: IdentityApi;
  readonly #cookies: UpstreamCookies;

  constructor(
    { KRATOS_PUBLIC_URL, KRATOS_ADMIN_URL, PUBLIC_URL }: OryConfiguration,
    private readonly locks: Pick<IdentityLocks, 'run'>,
    private readonly breaker = new CircuitBreaker('kratos'),
    calls = UpstreamCalls.unobserved(),
  ) {
    this.#cookies = new UpstreamCookies(PUBLIC_URL);
    this.#frontend = calls.observed('kratos', new FrontendApi(oryApi(KRATOS_PUBLIC_URL)));
    this.#identities = calls.observed('kratos', new IdentityApi(oryApi(KRATOS_ADMIN_URL)));
  }

  /** An identity with its credentials. @throws {Problem} `provider_unavailable`, also if the identity no longer exists. */
  async holder(id: string): Promise<CredentialHolder> {
    return parse(holderSchema, await this.#ask((options) => this.#identities.getIdentity({ id }, options)));
  }

  /** The same once the changes that are under way are done: only then are all credentials there that they leave. */
  async holderAtRest(id: string): Promise<CredentialHolder> {
    return this.locks.run(id, async () => this.holder(id));
  }

  /** The session of a recovery by this address. While it requires a second factor, only the admin API returns it. */
  async findRecovered(email: string): Promise<KratosSession | undefined> {
    const recent = { active: true, pageSize: recentSessions, expand: ['identity' as const] };
    const answer = await this.#ask((options) => this.#identities.listSessions(recent, options));
    const sessions = parse(z.array(z.unknown()), answer).flatMap(
      (item) => kratosSessionSchema.safeParse(item).data ?? [],
    );
    // Sessions are listed newest first. An address can recover only one identity.
    return sessions.find(
      ({ identity, authentication_methods: methods }) =>
        methods.some(({ method }) => method === 'code_recovery') &&
        foldIdentifier(identity.traits.email ?? '') === foldIdentifier(email),
    );
  }

  /** Removes second factors and linked logins. @param kept methods that stay. @param note gets each second factor that is gone. */
  async removeFactors(
    holder: CredentialHolder,
    kept: ReadonlySet<string>,
    note?: (factor: string) => void,
  ): Promise<void> {
    const { id, credentials } = holder;
    for (const type of secondFactors) {
      if (type in credentials && !kept.has(type)) {
        await this.#delete(id, type);
        note?.(type);
      }
    }
    if (!kept.has('oidc')) {
      for (const identifier of credentials['oidc']?.identifiers ?? []) {
        await this.#delete(id, 'oidc', identifier);
      }
    }
  }

  /**
   * Removes an identity's second factors, with the sessions that were authenticated by them or could set up new ones.
   * @param note gets each factor as soon as it is removed, also one without a key in it.
   */
  async resetSecondFactors(id: string, note: (factor: string) => void): Promise<void> {
    // Twice: a request that was under way may have begun a session or set up a factor in between.
    for (let round = 0; round < 2; round += 1) {
      await this.#unlessNone((options) => this.#identities.deleteIdentitySessions({ id }, options));
      await this.removeFactors(await this.holderAtRest(id), new Set(['oidc']), note);
    }
    await this.#unlessNone((options) => this.#identities.deleteIdentitySessions({ id }, options));
  }

  /**
   * Replaces the password by one that nobody knows. An identity that had none gets one too.
   * @param holder its traits are written again: anyone who has changed them since doesn't own its address.
   */
  async replacePassword({ id, traits }: CredentialHolder): Promise<void> {
    const password = randomBytes(32).toString('base64url');
    await this.locks.run(id, async () => {
      const { schema_id, state, metadata_admin, metadata_public } = await this.holder(id);
      const kept = state === 'inactive' ? ('inactive' as const) : ('active' as const);
      const updateIdentityBody = {
        schema_id,
        traits,
        state: kept,
        metadata_admin: metadata_admin ?? null,
        metadata_public: metadata_public ?? null,
        credentials: { password: { config: { password } } },
      };
      const answer = await this.#ask((options) =>
        this.#identities.updateIdentity({ id, updateIdentityBody }, options),
      );
      const written = writtenIdentity(id, answer);
      requireWritten(written.state === kept && isDeepStrictEqual(written.traits, traits));
    });
  }

  /**
   * Removes every passkey of an identity. The admin API can't, so it's done in a settings flow, as their owner would.
   * @param header Cookie header of a browser whose session has just begun and requires no second factor.
   */
  async removePasskeys(id: string, header: string): Promise<void> {
    const cookie = this.#cookies.toUpstream(header) ?? '';
    const removals = valuesOf(await this.#settings(cookie), 'passkey_remove');
    for (const removal of removals) {
      const { id: flow, csrfToken, cookies } = await this.#settings(cookie);
      const updateSettingsFlowBody = {
        method: 'passkey' as const,
        csrf_token: csrfToken,
        passkey_remove: removal,
      };
      await this.locks.run(id, async () =>
        this.#ask((options) =>
          this.#frontend.updateSettingsFlow({ flow, updateSettingsFlowBody, cookie: cookies }, options),
        ),
      );
    }
  }

  /** Ends all sessions of an identity except this browser's. @param header Cookie header of the browser. */
  async endOtherSessions(header: string): Promise<void> {
    const cookie = this.#cookies.toUpstream(header) ?? '';
    await this.#ask((options) => this.#frontend.disableMyOtherSessions({ cookie }, options));
  }

  async #settings(
    cookie: string,
  ): Promise<z.output<typeof settingsSchema> & { readonly csrfToken: string; readonly cookies: string }> {
    const answer = await this.#ask((options) =>
      this.#frontend.createBrowserSettingsFlow({ cookie }, options),
    );
    const flow = parse(settingsSchema, answer);
    return {
      ...flow,
      csrfToken: valuesOf(flow, 'csrf_token')[0] ?? '',
      cookies: mergeCookies(cookie, [answer.headers['set-cookie'] ?? []].flat()),
    };
  }

  async #delete(id: string, type: DeleteIdentityCredentialsTypeEnum, identifier?: string): Promise<void> {
    const which = { id, type, ...(identifier === undefined ? {} : { identifier }) };
    await this.locks.run(id, async () =>
      this.#unlessNone((options) => this.#identities.deleteIdentityCredentials(which, options)),
    );
  }

  /** Deletes something that may be gone. */
  async #unlessNone(call: OryCall): Promise<void> {
    try {
      await this.#ask(call);
    } catch (error) {
      if (!(error instanceof Problem) || error.reason !== 'kratos_has_none') {
        throw error;
      }
    }
  }

  /** Makes a call through the circuit breaker, with a deadline. */
  async #ask<T extends OryAnswer>(call: OryCall<T>): Promise<T> {
    try {
      return await this.breaker.runInTime((signal) => call({ signal }));
    } catch (error) {
      if (error instanceof Problem) {
        throw error;
      }
      const isNone = isMissing(statusOf(error) ?? 0) && isOfOry(error);
      throw unavailable(isNone ? 'kratos_has_none' : 'kratos_clearance_failed', error);
    }
  }
}

function parse<T>(schema: z.ZodType<T>, answer: OryAnswer): T {
  return parseAnswer(schema, answer, 'kratos_answer_unreadable');
}
