import { setTimeout as wait } from 'node:timers/promises';
import { type CreateIdentityBody, IdentityApi } from '@ory/client';
import { z } from 'zod';
import type { IdentityKey } from '../../directory/users/identity.js';
import type { OryConfiguration } from '../../platform/config/configuration.js';
import { statusOf, unavailable } from '../../platform/upstream/vendor-call.js';
import {
  type OryAnswer,
  type OryCall,
  expectedFailure,
  isMissing,
  oryApi,
  parseAnswer,
} from '../../providers/ory/ory-api.js';
import { kratosIdentitySchema } from '../../providers/ory/kratos/kratos-session.js';

/** Milliseconds that Kratos may take for a batch: on a busy machine it takes seconds. */
const batchTimeout = 60_000;
/** Milliseconds before each new attempt while Kratos is away. */
const retryDelays = [500, 1000, 2000, 4000, 8000] as const;

/** An identity to create at Kratos. */
export interface KratosImport {
  readonly email: string;
  readonly emailVerified: boolean;
  readonly name: string | null;
  readonly picture: string | null;
  /** As Kratos takes it. */
  readonly passwordHash: string | null;
  readonly isActive: boolean;
  /** The person's identity at the provider that they come from. It is kept with the new one, so that a later run knows it again. */
  readonly from: IdentityKey;
}

/** What became of an identity: its id at Kratos, or why there is none. */
export type KratosImported =
  { readonly id: string } | { readonly refused: 'address_in_use' | 'schema_mismatch' };

const batchSchema = z.looseObject({
  identities: z.array(
    z.looseObject({
      action: z.string(),
      identity: z.uuid().nullish(),
      error: z.looseObject({ code: z.number().optional() }).nullish(),
    }),
  ),
});

const importedSchema = kratosIdentitySchema.extend({
  metadata_admin: z
    .looseObject({
      imported: z.object({ issuer: z.string(), subject: z.string() }).optional().catch(undefined),
    })
    .nullish(),
});

/** Creates identities at Kratos' admin API, many with one call. */
export class KratosImporter {
  readonly #identities: IdentityApi;

  constructor({ KRATOS_ADMIN_URL }: OryConfiguration) {
    this.#identities = new IdentityApi(oryApi(KRATOS_ADMIN_URL, batchTimeout));
  }

  /**
   * Creates identities. One that an earlier run has created is found again.
   * @returns what became of them, in their order.
   * @throws {Problem} `provider_unavailable` if Kratos stays away.
   */
  async create(identities: readonly KratosImport[]): Promise<KratosImported[]> {
    const results = new Map<KratosImport, KratosImported>();
    let waiting = identities;
    while (waiting.length > 0) {
      const answers = await this.#createAll(waiting);
      for (const [identity, result] of answers) {
        results.set(identity, result);
      }
      // Each round settles one at least, or there is none left.
      waiting = waiting.filter((identity) => !answers.has(identity));
    }
    return identities.map((identity) => results.get(identity) ?? { refused: 'schema_mismatch' });
  }

  /**
   * Finds the identity that an earlier run has made of the same person, which ended before it was linked.
   * @throws {Problem} `provider_unavailable` if Kratos stays away.
   */
  async findEarlier(person: Pick<KratosImport, 'email' | 'from'>): Promise<KratosImported> {
    return (await this.find(person)) ?? { refused: 'address_in_use' };
  }

  /**
   * What Kratos has with a person's address: the identity that an earlier run made of them, or another one; undefined if nothing.
   * @throws {Problem} `provider_unavailable` if Kratos stays away.
   */
  async find({ email, from }: Pick<KratosImport, 'email' | 'from'>): Promise<KratosImported | undefined> {
    const answer = await this.#ask((options) =>
      this.#identities.listIdentities({ credentialsIdentifier: email }, options),
    );
    const found = parse(importedSchema.array(), answer);
    const earlier = found.find(
      ({ metadata_admin: metadata }) =>
        metadata?.imported?.issuer === from.issuer && metadata.imported.subject === from.subject,
    );
    if (earlier !== undefined) {
      return { id: earlier.id };
    }
    return found.length === 0 ? undefined : { refused: 'address_in_use' };
  }

  /** Deletes an identity that was created and not linked; idempotent. */
  async delete(id: string): Promise<void> {
    await this.#ask((options) => this.#identities.deleteIdentity({ id }, options), isMissing);
  }

  /** Makes one round. @returns those that are settled. */
  async #createAll(identities: readonly KratosImport[]): Promise<ReadonlyMap<KratosImport, KratosImported>> {
    const answer = await this.#ask(
      (options) =>
        this.#identities.batchPatchIdentities(
          {
            patchIdentitiesBody: { identities: identities.map((identity) => ({ create: bodyOf(identity) })) },
          },
          options,
        ),
      (status) => status === 400 || status === 409,
    );
    if (answer.status !== 200) {
      // Kratos refuses all of them because of one: the halves tell which.
      return this.#createHalves(identities, answer.status);
    }
    const { identities: items } = parse(batchSchema, answer);
    if (items.length !== identities.length) {
      throw unavailable('kratos_answer_unreadable');
    }
    const results = new Map<KratosImport, KratosImported>();
    const created: { readonly identity: KratosImport; readonly id: string }[] = [];
    for (const [index, { action, identity: id, error }] of items.entries()) {
      const identity = identities[index];
      if (identity !== undefined && action === 'create' && id) {
        created.push({ identity, id });
      } else if (identity !== undefined) {
        results.set(
          identity,
          error?.code === 400 ? { refused: 'schema_mismatch' } : await this.findEarlier(identity),
        );
      }
    }
    // If one address is in use, Kratos 1.3.1 reports the others as created, and rolls them back.
    const hasFailed = created.length < identities.length;
    const existing = hasFailed ? await this.#existing(created.map(({ id }) => id)) : undefined;
    for (const { identity, id } of created) {
      if (existing === undefined || existing.has(id)) {
        results.set(identity, { id });
      }
    }
    return results;
  }

  async #createHalves(
    identities: readonly KratosImport[],
    status: number,
  ): Promise<ReadonlyMap<KratosImport, KratosImported>> {
    const [only] = identities;
    if (only === undefined) {
      return new Map();
    }
    if (identities.length === 1) {
      // For a batch of one, Kratos 1.3.1 answers 409 as a whole if its address is in use.
      return new Map([
        [only, status === 409 ? await this.findEarlier(only) : { refused: 'schema_mismatch' }],
      ]);
    }
    const middle = Math.ceil(identities.length / 2);
    const halves = [identities.slice(0, middle), identities.slice(middle)];
    const results = new Map<KratosImport, KratosImported>();
    for (const half of halves) {
      for (const [index, result] of (await this.create(half)).entries()) {
        const identity = half[index];
        if (identity !== undefined) {
          results.set(identity, result);
        }
      }
    }
    return results;
  }

  async #existing(ids: readonly string[]): Promise<ReadonlySet<string>> {
    if (ids.length === 0) {
      return new Set();
    }
    const answer = await this.#ask((options) => this.#identities.listIdentities({ ids: [...ids] }, options));
    return new Set(parse(z.array(z.looseObject({ id: z.uuid() })), answer).map(({ id }) => id));
  }

  /** Makes a call, again and again for a while if Kratos can't be reached or fails. */
  async #ask(call: OryCall, isExpected?: (status: number) => boolean): Promise<OryAnswer> {
    for (const delay of [...retryDelays, undefined]) {
      try {
        return await call({ signal: AbortSignal.timeout(batchTimeout) });
      } catch (error) {
        const isFailure = (statusOf(error) ?? 500) >= 500;
        if (!isFailure || delay === undefined) {
          return expectedFailure(error, 'kratos_unreachable', isExpected);
        }
        await wait(delay);
      }
    }
    throw unavailable('kratos_unreachable');
  }
}

function parse<T>(schema: z.ZodType<T>, answer: OryAnswer): T {
  return parseAnswer(schema, answer, 'kratos_answer_unreadable');
}

/** The identity as Kratos' API takes it. Nothing of the file is in its metadata but where the person comes from. */
function bodyOf(identity: KratosImport): CreateIdentityBody {
  const { email, emailVerified, name, picture, passwordHash, isActive, from } = identity;
  return {
    schema_id: 'default',
    traits: { email, ...(name === null ? {} : { name }), ...(picture === null ? {} : { picture }) },
    metadata_admin: { imported: { issuer: from.issuer, subject: from.subject } },
    state: isActive ? 'active' : 'inactive',
    ...(passwordHash === null
      ? {}
      : { credentials: { password: { config: { hashed_password: passwordHash } } } }),
    ...(emailVerified
      ? { verifiable_addresses: [{ value: email, verified: true, via: 'email', status: 'completed' }] }
      : {}),
  };
}
