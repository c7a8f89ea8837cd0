import pLimit from 'p-limit';
import { foldIdentifier } from '../../platform/core/account-identifier.js';
import type { AuditService } from '../../directory/audit/audit.service.js';
import { kratosIssuer } from '../../providers/ory/kratos/kratos-session.js';
import type { ReadUser } from './exports/export-reader.js';
import type { ImportedUser } from './exports/import-record.js';
import type { IdentityImport, MoveRefusal, MoveRules, MoveState, MovedPerson } from './identity-import.js';
import type { KratosImport, KratosImporter } from './kratos-import.js';
import { RefusedRecord } from './exports/refused-record.js';

/** How to import. */
export interface ImportOptions {
  /** Issuer of the identities that the people have had so far. */
  readonly from: string;
  /** Whether people are imported who are administrators here, or have the address that the first one is to have. */
  readonly movesAdministrators: boolean;
  /** Whether people without a password are imported. They log in with a recovery code. */
  readonly takesPasswordless: boolean;
  /** Address that makes a user the first administrator, if one is set. */
  readonly administratorEmail: string | undefined;
}

/** A refused record. The reason holds nothing of it. */
export interface Refusal {
  readonly number: number;
  /** As the reader calls it: `line 2`. */
  readonly place: string;
  readonly reason: string;
}

/** What became of a batch. */
export interface BatchResult {
  /** Users who are new here. */
  readonly created: number;
  /** Users who were here, and log in at Kratos now. */
  readonly linked: number;
  /** Users who were imported before. */
  readonly skipped: number;
  readonly refused: readonly Refusal[];
}

/** What an import would do with a record. */
export type Rehearsal = Pick<Refusal, 'number' | 'place'> &
  (
    | { readonly outcome: 'created' | 'linked' | 'skipped' }
    | { readonly outcome: 'refused'; readonly reason: string }
  );

/** A record whose user may be imported. */
interface Candidate extends Pick<ReadUser, 'number' | 'place'> {
  readonly user: ImportedUser;
  readonly person: MovedPerson;
}

/** An identity at Kratos that isn't linked yet. */
interface MadeIdentity {
  readonly candidate: Candidate;
  readonly id: string;
}

/** Look-ups at Kratos of a rehearsal at a time. */
const lookUpsAtOnce = 4;

const refusals: Readonly<Record<MoveRefusal | 'address_in_use' | 'schema_mismatch', string>> = {
  other_address: 'the user of this id has another address here',
  address_taken: 'another user here has this address, verified',
  administrator: 'they are an administrator here: give --administrators if you trust the file with that',
  service_account: 'this id belongs to a service account',
  identity_used:
    'they have logged in at Kratos before they were linked: delete the user that this made, and run again',
  address_in_use: 'another identity at Kratos has this address',
  schema_mismatch: "Kratos' identity schema refuses it",
};

/** Imports people into Kratos with their password hashes, batch by batch, and links them to the users they have been here. */
export class UserImporter {
  readonly #rules: MoveRules;
  /** Two batches may hold the same id: the second one then sees what the first did. */
  readonly #oneAtATime = pLimit(1);
  /** Ids and addresses of a rehearsal → the places of their users. */
  readonly #rehearsed = new Map<string, string>();

  constructor(
    private readonly kratos: KratosImporter,
    private readonly identities: IdentityImport,
    private readonly audit: AuditService,
    private readonly options: ImportOptions,
  ) {
    this.#rules = { to: kratosIssuer, movesAdministrators: options.movesAdministrators };
  }

  /**
   * Imports a batch; several may be under way. If it is cut off anywhere, doing it again completes it.
   * @throws {Problem} `provider_unavailable`, `database_unavailable`
   */
  async import(records: readonly ReadUser[]): Promise<BatchResult> {
    const refused: Refusal[] = [];
    const candidates = this.#candidates(records, refused, new Map());
    const states = await this.identities.statesOf(
      candidates.map(({ person }) => person),
      this.#rules,
    );
    const waiting: { readonly candidate: Candidate; readonly state: MoveState }[] = [];
    const made: MadeIdentity[] = [];
    for (const [index, candidate] of candidates.entries()) {
      const state = states[index];
      if (state?.state === 'new' || state?.state === 'known') {
        waiting.push({ candidate, state });
      } else if (state?.state === 'refused') {
        const id = await this.#interrupted(candidate, state.reason);
        if (id === undefined) {
          refused.push(refusalOf(candidate, refusals[state.reason]));
        } else {
          made.push({ candidate, id });
        }
      }
    }
    const skipped = states.filter(({ state }) => state === 'moved').length;
    const created = await this.kratos.create(
      waiting.map(({ candidate, state }) => toKratos(candidate, state)),
    );
    for (const [index, { candidate }] of waiting.entries()) {
      const result = created[index];
      if (result !== undefined && 'refused' in result) {
        refused.push(refusalOf(candidate, refusals[result.refused]));
      } else if (result !== undefined) {
        made.push({ candidate, id: result.id });
      }
    }
    const counts = await this.#link(made, refused);
    return {
      created: counts.created,
      linked: counts.linked,
      skipped: skipped + counts.moved,
      refused: refused.toSorted((one, other) => one.number - other.number),
    };
  }

  /**
   * What {@link import} would do with a batch, in its order. It writes nothing, and doesn't ask Kratos' identity schema.
   * @throws {Problem} `provider_unavailable`, `database_unavailable`
   */
  async rehearse(records: readonly ReadUser[]): Promise<readonly Rehearsal[]> {
    const refused: Refusal[] = [];
    const candidates = this.#candidates(records, refused, this.#rehearsed);
    const people = candidates.map(({ person }) => person);
    const states = await this.identities.statesOf(people, this.#rules);
    const few = pLimit(lookUpsAtOnce);
    const judged = await Promise.all(
      candidates.map(async (candidate, index) =>
        few(async () => this.#rehearsal(candidate, states[index] ?? { state: 'new' })),
      ),
    );
    return [...judged, ...refused.map((refusal): Rehearsal => ({ ...refusal, outcome: 'refused' }))].toSorted(
      (one, other) => one.number - other.number,
    );
  }

  async #rehearsal(candidate: Candidate, state: MoveState): Promise<Rehearsal> {
    const { number, place, person } = candidate;
    if (state.state === 'moved') {
      return { number, place, outcome: 'skipped' };
    }
    const there = await this.kratos.find(person);
    const isOwn = there !== undefined && 'id' in there;
    if (state.state === 'refused' && !(isOwn && state.reason === 'address_taken')) {
      return { number, place, outcome: 'refused', reason: refusals[state.reason] };
    }
    if (there !== undefined && 'refused' in there) {
      return { number, place, outcome: 'refused', reason: refusals[there.refused] };
    }
    return { number, place, outcome: state.state === 'new' ? 'created' : 'linked' };
  }

  /**
   * The identity of a refused candidate that an interrupted run has made and not linked: the user may have logged in with it since, and
   * have taken the address themselves.
   * @returns its id at Kratos, if there is one.
   */
  async #interrupted({ person }: Candidate, reason: MoveRefusal): Promise<string | undefined> {
    if (reason !== 'address_taken') {
      return undefined;
    }
    const earlier = await this.kratos.findEarlier(person);
    return 'id' in earlier ? earlier.id : undefined;
  }

  /** Those whose record can be used, each id and each address once. @param seen ids and addresses → the places of their users. */
  #candidates(records: readonly ReadUser[], refused: Refusal[], seen: Map<string, string>): Candidate[] {
    return records.flatMap(({ number, place, user, withoutPassword }) => {
      const reason =
        user instanceof RefusedRecord ? user.message : this.#reasonAgainst(user, seen, withoutPassword);
      if (reason !== undefined || user instanceof RefusedRecord) {
        refused.push({ number, place, reason: reason ?? '' });
        return [];
      }
      seen.set(`id ${user.id}`, place).set(`email ${user.email}`, place);
      const { email, emailVerified, name, picture } = user;
      const from = { issuer: this.options.from, subject: user.id };
      return [
        {
          number,
          place,
          user,
          person: { from, email, emailVerified, name, picture, isDisabled: user.disabled },
        },
      ];
    });
  }

  /** @param seen ids and addresses → the places of their users. */
  #reasonAgainst(
    user: ImportedUser,
    seen: ReadonlyMap<string, string>,
    withoutPassword = 'it has no password: give --without-password to import it nevertheless',
  ): string | undefined {
    const [sameId, sameEmail] = [seen.get(`id ${user.id}`), seen.get(`email ${user.email}`)];
    if (sameId !== undefined) {
      return `it has the same id as ${sameId}`;
    }
    if (sameEmail !== undefined) {
      return `it has the same e-mail address as ${sameEmail}`;
    }
    if (user.passwordHash === null && !this.options.takesPasswordless) {
      return withoutPassword;
    }
    const { movesAdministrators, administratorEmail } = this.options;
    return !movesAdministrators && user.email === (administratorEmail && foldIdentifier(administratorEmail))
      ? 'it has the address of ADMIN_EMAIL: give --administrators if you trust the file with that'
      : undefined;
  }

  /** Gives the users here their new identities. An identity that may not be linked is deleted: it must not log in. */
  async #link(
    made: readonly MadeIdentity[],
    refused: Refusal[],
  ): Promise<Record<'created' | 'linked' | 'moved', number>> {
    const counts = { created: 0, linked: 0, moved: 0 };
    if (made.length === 0) {
      return counts;
    }
    const { identities, audit, kratos } = this;
    const moved = made.map(({ candidate: { person }, id }) => ({
      person,
      to: { issuer: kratosIssuer, subject: id },
    }));
    const results = await this.#oneAtATime(async () => identities.move(moved, this.#rules));
    for (const [index, { candidate, id }] of made.entries()) {
      const result = results[index];
      if (result === undefined) {
        continue;
      }
      if (result.state === 'refused') {
        refused.push(refusalOf(candidate, refusals[result.reason]));
      } else {
        counts[result.state] += 1;
      }
      if (result.state === 'created' || result.state === 'linked') {
        await audit.record({
          type: result.state === 'created' ? 'user_created' : 'identity_linked',
          reason: 'by_import',
          userId: result.userId,
          actor: { id: null, credential: 'operator' },
        });
      } else if (!result.isUsed) {
        await kratos.delete(id);
      }
    }
    await audit.flush();
    return counts;
  }
}

function refusalOf({ number, place }: Candidate, reason: string): Refusal {
  return { number, place, reason };
}

function toKratos({ user, person }: Candidate, state: MoveState): KratosImport {
  const { email, emailVerified, name, picture, passwordHash, disabled } = user;
  const isActive = !disabled && !(state.state === 'known' && state.isDisabled);
  return { email, emailVerified, name, picture, passwordHash, isActive, from: person.from };
}
