import { Injectable } from '@nestjs/common';
import { Clock } from '../core/clock.service.js';
import { newId } from '../core/identifier.js';
import { Database, type OrgRole, type OrgRow } from '../database/database.schema.js';
import { isUniqueViolation } from '../database/unique.violation.js';
import { type LockedOrg, withLockedOrg } from './org.lock.js';

/** An organisation as one of its members sees it; the role is null for administrators who are no member. */
export interface OrgOf {
  readonly org: OrgRow;
  readonly role: OrgRole | null;
}

/** What an owner may change. */
export type OrgChanges = Partial<Pick<OrgRow, 'name' | 'slug' | 'join_policy' | DomainColumn>>;

type DomainColumn = 'domain' | 'claimed_domain' | 'domain_proof' | 'domain_seen_at' | 'domain_checked_at';

/** Which unique value another organisation has already. */
export type TakenField = 'slug' | 'domain';

/** Milliseconds from one look at a domain's record to the next: a day. */
const checkInterval = 86_400_000;

/** Organisations in SQL. */
@Injectable()
export class OrgRepository {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  /**
   * Makes an organisation with its first owner.
   * @returns nothing when the slug is taken.
   */
  async create(name: string, slug: string, ownerId: string): Promise<OrgRow | undefined> {
    const now = this.#clock.now();
    return this.#database.query.transaction().execute(async (transaction) => {
      const org = await transaction
        .insertInto('orgs')
        .values({
          id: newId(now),
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
        .onConflict((conflict) => conflict.column('slug').doNothing())
        .returningAll()
        .executeTakeFirst();
      if (org !== undefined) {
        await transaction
          .insertInto('memberships')
          .values({ org_id: org.id, user_id: ownerId, role: 'owner', state: 'active', created_at: now })
          .execute();
      }
      return org;
    });
  }

  /** The organisation, and what this user is in it; undefined when there is none. */
  async find(id: string, userId: string): Promise<OrgOf | undefined> {
    const org = await this.#database.query
      .selectFrom('orgs')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst();
    if (org === undefined) {
      return undefined;
    }
    const membership = await this.#database.query
      .selectFrom('memberships')
      .select('role')
      .where('org_id', '=', id)
      .where('user_id', '=', userId)
      .where('state', '=', 'active')
      .executeTakeFirst();
    return { org, role: membership?.role ?? null };
  }

  /** A user's organisations in the order of their ids. @param after id of the last one before. */
  async listOf(userId: string, limit: number, after: string | undefined): Promise<OrgOf[]> {
    const rows = await this.#database.query
      .selectFrom('memberships')
      .innerJoin('orgs', 'orgs.id', 'memberships.org_id')
      .selectAll('orgs')
      .select('memberships.role')
      .where('memberships.user_id', '=', userId)
      .where('memberships.state', '=', 'active')
      .$if(after !== undefined, (query) => query.where('memberships.org_id', '>', after ?? ''))
      .orderBy('memberships.org_id')
      .limit(limit)
      .execute();
    return rows.map(({ role, ...org }) => ({ org, role }));
  }

  /** The organisation that has proven this e-mail domain to be its own. */
  async findByDomain(domain: string): Promise<OrgRow | undefined> {
    return this.#database.query
      .selectFrom('orgs')
      .selectAll()
      .where('domain', '=', domain)
      .whereRef('domain', '=', 'claimed_domain')
      .where('domain_proof', 'is not', null)
      .executeTakeFirst();
  }

  /**
   * Organisations whose domain was confirmed by DNS and not looked for during the last day. They count as looked for from now on, so that
   * of several replicas one does it.
   */
  async takeDueDomains(): Promise<OrgRow[]> {
    const now = this.#clock.now();
    return this.#database.query
      .updateTable('orgs')
      .set({ domain_checked_at: now })
      .where('domain_proof', '=', 'dns')
      .where('domain', 'is not', null)
      .where('domain_checked_at', '<', now - checkInterval)
      .returningAll()
      .execute();
  }

  /** The DNS record of a domain was seen, unless the organisation has another one by now. @param at milliseconds. */
  async noteDomainSeen({ id, domain }: OrgRow, at: number): Promise<void> {
    await this.#database.query
      .updateTable('orgs')
      .set({ domain_seen_at: at })
      .where('id', '=', id)
      .where('domain', '=', domain)
      .execute();
  }

  /** Takes a confirmed domain away; the organisation still wants it. @returns false when it was changed or seen meanwhile. */
  async loseDomain({ id, domain, domain_seen_at: seenAt }: OrgRow): Promise<boolean> {
    const result = await this.#database.query
      .updateTable('orgs')
      .set((builder) => ({
        domain: null,
        domain_proof: null,
        version: builder('version', '+', 1),
        updated_at: this.#clock.now(),
      }))
      .where('id', '=', id)
      .where('domain', '=', domain)
      .where('domain_proof', '=', 'dns')
      .where('domain_seen_at', '=', seenAt)
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  }

  /** Works on an organisation while nobody else changes it. @throws {Problem} `not_found` */
  async withLocked<T>(id: string, work: (org: LockedOrg) => Promise<T>): Promise<T> {
    return withLockedOrg(this.#database.query, id, work);
  }

  /**
   * Changes an organisation; its version goes up.
   * @param decide what is to change, decided on the locked rows.
   * @returns the changed row, or which value another one has already: then nothing has changed.
   * @throws {Problem} `not_found`
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
            updated_at: this.#clock.now(),
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
        : await this.#database.query
            .selectFrom('orgs')
            .select('id')
            .where('slug', '=', slug)
            .where('id', '!=', id)
            .executeTakeFirst();
    return other === undefined ? 'domain' : 'slug';
  }
}
