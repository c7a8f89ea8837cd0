import { Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import { Clock } from '../platform/time/clock.service.js';
import { newId } from '../platform/core/identifier.js';
import { Database, type OrgRow, type Schema } from '../platform/database/database.schema.js';
import { isUniqueViolation } from '../platform/database/unique-violation.js';
import { KeyedLines } from '../platform/core/keyed-lines.js';
import { Problem } from '../platform/errors/problem.error.js';
import { requireActiveUser, requireAdministrator } from '../directory/users/user-rules.js';
import { RequiredFactors } from '../directory/users/required-factors.js';
import type { Principal } from '../session/principal.js';
import { mayActIn, vouchingOrgOfCaller } from '../session/vouching.query.js';
import type { FoundOrg, OrgOf } from './org-access.js';
import { type FactorTime, LockedOrg, lockOrg } from './org-lock.js';

/** The columns that a change of an organisation can set. */
export type OrgChanges = Partial<
  Pick<OrgRow, 'name' | 'slug' | 'join_policy' | 'second_factor' | DomainColumn>
>;

type DomainColumn = 'domain' | 'claimed_domain' | 'domain_proof' | 'domain_seen_at' | 'domain_checked_at';

/** A unique field whose value another organisation already has. */
export type TakenField = 'slug' | 'domain';

/** Milliseconds between two look-ups of a domain's DNS record: a day. */
const checkInterval = 86_400_000;

/** Milliseconds for which it counts that a user has made an organisation. */
const oneYear = 365 * 86_400_000;
/** Organisations that a user may make in that time, also of those that are deleted: short names are never given again. */
const mostMade = 20;

/** Stores organisations in SQL. */
@Injectable()
export class OrgRepository {
  /** Queues of requests for the same organisation. A request waits here without holding a database connection. */
  readonly #lines = new KeyedLines();

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly factors: RequiredFactors,
  ) {}

  /** What an organisation's policy of second factors is held by. */
  get time(): FactorTime {
    return { now: this.clock.now(), factors: this.factors };
  }

  /** An organisation by its id. Callers decide what of it anyone may see. */
  async findById(id: string): Promise<OrgRow | undefined> {
    return this.database.query.selectFrom('orgs').selectAll().where('id', '=', id).executeTakeFirst();
  }

  /**
   * Creates an organisation with its first owner.
   * @param isByAdministrator whether the token of the owner is an administrator's; SQL must confirm it.
   * @returns undefined if the slug is, or ever was, another organisation's.
   * @throws {Problem} `forbidden` if SQL doesn't confirm it; `quota_reached` if the user has made too many; `unauthenticated` if they were
   *   disabled or deleted in the meantime.
   */
  async create(
    name: string,
    slug: string,
    ownerId: string,
    isByAdministrator: boolean,
  ): Promise<OrgRow | undefined> {
    const now = this.clock.now();
    const id = newId(now);
    const make = this.database.query.transaction().execute(async (transaction) => {
      // Locked: a deletion leaves no organisation without an owner, and organisations that one user makes at the same time are all counted.
      await requireActiveUser(transaction, ownerId);
      if (isByAdministrator) {
        await requireAdministrator(transaction, ownerId);
      } else {
        await requireFewMade(transaction, ownerId, now - oneYear);
      }
      // First, as a rename does: of two that want one slug, the other waits and is refused, and neither waits for the other.
      await transaction
        .insertInto('org_slugs')
        .values({
          slug,
          org_id: id,
          given_by: ownerId,
          by_administrator: isByAdministrator ? 1 : 0,
          given_at: now,
        })
        .execute();
      const org = await transaction
        .insertInto('orgs')
        .values({
          id,
          slug,
          name,
          name_key: name.toLowerCase(),
          domain: null,
          claimed_domain: null,
          domain_proof: null,
          domain_seen_at: null,
          domain_checked_at: null,
          join_policy: 'invite',
          version: 1,
          created_at: now,
          updated_at: now,
        })
        .returningAll()
        .executeTakeFirstOrThrow();
      await transaction
        .insertInto('memberships')
        .values({ org_id: org.id, user_id: ownerId, role: 'owner', state: 'active', created_at: now })
        .execute();
      return org;
    });
    try {
      return await make;
    } catch (error) {
      if (isUniqueViolation(error)) {
        return undefined;
      }
      throw error;
    }
  }

  /**
   * An organisation, and the caller's role in it, of which a login by another one's connection has none; undefined if there is no such
   * organisation.
   */
  async find(id: string, principal: Principal): Promise<FoundOrg | undefined> {
    const org = await this.database.query
      .selectFrom('orgs')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst();
    if (org === undefined) {
      return undefined;
    }
    const membership = await this.database.query
      .selectFrom('memberships')
      .innerJoin('users', 'users.id', 'memberships.user_id')
      .select(['memberships.role', 'users.id', 'users.second_factor_since'])
      .where('memberships.org_id', '=', id)
      .where('memberships.user_id', '=', principal.user.id)
      .where('memberships.state', '=', 'active')
      .executeTakeFirst();
    if (membership === undefined || !(await mayActIn(this.database.query, principal, id))) {
      return { org, role: null, needsFactor: false };
    }
    const { role } = membership;
    const demand = { role, second_factor: org.second_factor };
    const { now } = this.time;
    const needsFactor = await this.factors.isDueIn(this.database.query, membership, demand, now);
    return { org, role, needsFactor };
  }

  /** The organisation whose connection vouched for a caller's login, as {@link vouchingOrgOfCaller} reads it. */
  async vouchingOrgOf(principal: Principal): Promise<string | null> {
    return vouchingOrgOfCaller(this.database.query, principal);
  }

  /**
   * A user's organisations in the order of their ids.
   * @param after id of the last one of the previous page. @param only id of the one that counts; null for all.
   */
  async listOf(
    userId: string,
    limit: number,
    after: string | undefined,
    only: string | null = null,
  ): Promise<OrgOf[]> {
    const rows = await this.database.query
      .selectFrom('memberships')
      .innerJoin('orgs', 'orgs.id', 'memberships.org_id')
      .selectAll('orgs')
      .select('memberships.role')
      .where('memberships.user_id', '=', userId)
      .where('memberships.state', '=', 'active')
      .$if(after !== undefined, (query) => query.where('memberships.org_id', '>', after ?? ''))
      .$if(only !== null, (query) => query.where('memberships.org_id', '=', only ?? ''))
      .orderBy('memberships.org_id')
      .limit(limit)
      .execute();
    return rows.map(({ role, ...org }) => ({ org, role }));
  }

  /** The organisation that has this e-mail domain, if it is confirmed. */
  async findByDomain(domain: string): Promise<OrgRow | undefined> {
    return this.database.query
      .selectFrom('orgs')
      .selectAll()
      .where('domain', '=', domain)
      .whereRef('domain', '=', 'claimed_domain')
      .where('domain_proof', 'is not', null)
      .executeTakeFirst();
  }

  /**
   * Takes the organisations whose domain was confirmed by DNS, and whose record wasn't looked up during the last day. They count
   * as looked up from now on, so that only one of several replicas does it.
   */
  async takeDueDomains(): Promise<OrgRow[]> {
    const now = this.clock.now();
    return this.database.query
      .updateTable('orgs')
      .set({ domain_checked_at: now })
      .where('domain_proof', '=', 'dns')
      .where('domain', 'is not', null)
      .where('domain_checked_at', '<', now - checkInterval)
      .returningAll()
      .execute();
  }

  /** Records when a domain's DNS record was seen, in milliseconds, unless another domain is claimed by now. */
  async noteDomainSeen({ id, domain }: OrgRow, at: number): Promise<void> {
    await this.database.query
      .updateTable('orgs')
      .set({ domain_seen_at: at })
      .where('id', '=', id)
      .where('domain', '=', domain)
      .execute();
  }

  /** Takes a confirmed domain, which stays claimed. @returns false if it was changed or seen in the meantime. */
  async loseDomain({ id, domain, domain_seen_at: seenAt }: OrgRow): Promise<boolean> {
    const result = await this.database.query
      .updateTable('orgs')
      .set((builder) => ({
        domain: null,
        domain_proof: null,
        version: builder('version', '+', 1),
        updated_at: this.clock.now(),
      }))
      .where('id', '=', id)
      .where('domain', '=', domain)
      .where('domain_proof', '=', 'dns')
      .where('domain_seen_at', '=', seenAt)
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  }

  /**
   * Runs work on a locked organisation in one transaction: no other transaction changes it or its members in the meantime.
   * @throws {Problem} `not_found` if there is no such organisation, and whatever the work throws: then nothing has changed.
   */
  async withLocked<T>(id: string, work: (org: LockedOrg) => Promise<T>): Promise<T> {
    const begun = () =>
      this.database.query.transaction().execute(async (transaction) => {
        const row = await lockOrg(transaction, id);
        if (row === undefined) {
          throw new Problem('not_found', { reason: 'no_such_org' });
        }
        return work(new LockedOrg(row, transaction, this.time));
      });
    return this.#lines.run(id, begun);
  }

  /**
   * Changes an organisation, and increments its version.
   * @param decide returns the changes, based on the locked rows.
   * @returns the changed row; or the field whose value is taken, in which case nothing has changed.
   * @throws {Problem} `not_found`, and whatever `decide` throws.
   */
  async update(
    id: string,
    decide: (org: LockedOrg) => Promise<OrgChanges>,
  ): Promise<{ org: OrgRow } | { taken: TakenField }> {
    let changes: OrgChanges = {};
    try {
      const org = await this.withLocked(id, async (locked) => {
        changes = await decide(locked);
        return locked.transaction
          .updateTable('orgs')
          .set((builder) => ({
            ...changes,
            ...(changes.name === undefined ? {} : { name_key: changes.name.toLowerCase() }),
            version: builder('version', '+', 1),
            updated_at: this.clock.now(),
          }))
          .where('id', '=', id)
          .returningAll()
          .executeTakeFirstOrThrow();
      });
      return { org };
    } catch (error) {
      if (isUniqueViolation(error)) {
        return { taken: await this.#takenBy(id, changes) };
      }
      throw error;
    }
  }

  async #takenBy(id: string, { slug }: OrgChanges): Promise<TakenField> {
    const other =
      slug === undefined
        ? undefined
        : await this.database.query
            .selectFrom('orgs')
            .select('id')
            .where('slug', '=', slug)
            .where('id', '!=', id)
            .executeTakeFirst();
    return other === undefined ? 'domain' : 'slug';
  }
}

/** Requires that a user, who is locked, hasn't made too many organisations since a time. @throws {Problem} `quota_reached` */
async function requireFewMade(
  transaction: Transaction<Schema>,
  userId: string,
  since: number,
): Promise<void> {
  const { count } = await transaction
    .selectFrom('org_slugs')
    .select(({ fn }) => fn.countAll().as('count'))
    .where('org_slugs.given_by', '=', userId)
    .where('org_slugs.given_at', '>', since)
    .executeTakeFirstOrThrow();
  if (Number(count) >= mostMade) {
    throw new Problem('quota_reached', {
      detail: `A user can make ${mostMade} organisations in a year.`,
      reason: 'orgs_made_full',
    });
  }
}
