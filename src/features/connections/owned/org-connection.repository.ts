import { Injectable } from '@nestjs/common';
import type { Selectable, SelectQueryBuilder } from 'kysely';
import { newId } from '../../../platform/core/identifier.js';
import {
  Database,
  type OrgConnectionsTable,
  type Schema,
} from '../../../platform/database/database.schema.js';
import type { TransactionPart } from '../../../platform/database/transaction-part.js';
import { isUniqueViolation } from '../../../platform/database/unique-violation.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import { Clock } from '../../../platform/time/clock.service.js';

/** A connection of an organisation with the domains that it was given, proven or not. */
export interface StoredConnection extends Selectable<OrgConnectionsTable> {
  readonly domains: readonly string[];
}

/** What an owner decides about a connection. */
export interface ConnectionContent {
  readonly name: string;
  /** JSON. */
  readonly settings: string;
  readonly sealed: string | null;
  readonly isRequired: boolean;
  /** JSON. */
  readonly rules: string;
  readonly domains: readonly string[];
}

/** Stores organisations' connections in SQL. */
@Injectable()
export class OrgConnectionRepository {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Whether any has a domain. */
  async exist(): Promise<boolean> {
    const found = await this.database.query
      .selectFrom('org_connection_domains')
      .select('domain')
      .limit(1)
      .executeTakeFirst();
    return found !== undefined;
  }

  /** A connection that serves logins: with the domains that its organisation has proven by now, one at least. */
  async findServing(id: string): Promise<StoredConnection | undefined> {
    const rows = await this.#serving().where('org_connections.id', '=', id).execute();
    const [first] = rows;
    return first && { ...first, domains: rows.map(({ domain }) => domain) };
  }

  /** Id of the connection that serves a domain. */
  async idOfDomain(domain: string): Promise<string | undefined> {
    const row = await this.#serving().where('org_connection_domains.domain', '=', domain).executeTakeFirst();
    return row?.id;
  }

  /** An organisation's connections, oldest first. */
  async listOf(orgId: string): Promise<readonly StoredConnection[]> {
    const rows = await this.database.query
      .selectFrom('org_connections')
      .selectAll()
      .where('org_id', '=', orgId)
      .orderBy('id')
      .execute();
    const domains = await this.#domainsOf(rows.map(({ id }) => id));
    return rows.map((row) => ({ ...row, domains: domains.get(row.id) ?? [] }));
  }

  async find(orgId: string, id: string): Promise<StoredConnection | undefined> {
    const row = await this.database.query
      .selectFrom('org_connections')
      .selectAll()
      .where('org_id', '=', orgId)
      .where('id', '=', id)
      .executeTakeFirst();
    return row && { ...row, domains: (await this.#domainsOf([id])).get(id) ?? [] };
  }

  /** Domains that an organisation has proven. */
  async provenDomains(orgId: string): Promise<readonly string[]> {
    const row = await this.database.query
      .selectFrom('orgs')
      .select('domain')
      .where('id', '=', orgId)
      .where('domain', 'is not', null)
      .whereRef('domain', '=', 'claimed_domain')
      .where('domain_proof', 'is not', null)
      .executeTakeFirst();
    return typeof row?.domain === 'string' ? [row.domain] : [];
  }

  /** @throws {Problem} `conflict` if another connection has one of its domains. */
  async create(
    { orgId, kind, createdBy }: { readonly orgId: string; readonly kind: string; readonly createdBy: string },
    content: ConnectionContent,
    requireAuthor: TransactionPart,
  ): Promise<string> {
    const now = this.clock.now();
    const id = newId(now);
    await this.#inTurn(async (transaction) => {
      await requireAuthor(transaction);
      await transaction
        .insertInto('org_connections')
        .values({
          id,
          org_id: orgId,
          kind,
          created_by: createdBy,
          version: 1,
          created_at: now,
          ...columnsOf(content, now),
        })
        .execute();
      await giveDomains(transaction, id, content.domains);
    });
    return id;
  }

  /**
   * @param version that was read: another change may have come between.
   * @returns whether it was still that one.
   * @throws {Problem} `conflict` if another connection has one of its domains.
   */
  async update(
    id: string,
    version: number,
    content: ConnectionContent,
    requireAuthor: TransactionPart,
  ): Promise<boolean> {
    return this.#inTurn(async (transaction) => {
      await requireAuthor(transaction);
      const result = await transaction
        .updateTable('org_connections')
        .set({ ...columnsOf(content, this.clock.now()), version: version + 1 })
        .where('id', '=', id)
        .where('version', '=', version)
        .executeTakeFirst();
      if (result.numUpdatedRows === 0n) {
        return false;
      }
      await transaction.deleteFrom('org_connection_domains').where('connection_id', '=', id).execute();
      await giveDomains(transaction, id, content.domains);
      return true;
    });
  }

  /** Stores the same secrets, encrypted anew. */
  async reseal({ id, sealed: former }: StoredConnection, sealed: string): Promise<void> {
    await this.database.query
      .updateTable('org_connections')
      .set({ sealed })
      .where('id', '=', id)
      .where('sealed', '=', former)
      .execute();
  }

  /** @returns whether it was there. */
  async delete(orgId: string, id: string, requireAuthor: TransactionPart): Promise<boolean> {
    return this.database.query.transaction().execute(async (transaction) => {
      await requireAuthor(transaction);
      const owned = await transaction
        .selectFrom('org_connections')
        .select('id')
        .where('org_id', '=', orgId)
        .where('id', '=', id)
        .executeTakeFirst();
      if (owned === undefined) {
        return false;
      }
      await transaction.deleteFrom('org_connection_domains').where('connection_id', '=', id).execute();
      const result = await transaction.deleteFrom('org_connections').where('id', '=', id).executeTakeFirst();
      return result.numDeletedRows > 0n;
    });
  }

  #serving(): SelectQueryBuilder<
    Schema,
    'org_connections' | 'org_connection_domains' | 'orgs',
    Selectable<OrgConnectionsTable> & { domain: string }
  > {
    return this.database.query
      .selectFrom('org_connections')
      .innerJoin('org_connection_domains', 'org_connection_domains.connection_id', 'org_connections.id')
      .innerJoin('orgs', 'orgs.id', 'org_connections.org_id')
      .selectAll('org_connections')
      .select('org_connection_domains.domain')
      .whereRef('orgs.domain', '=', 'org_connection_domains.domain')
      .whereRef('orgs.domain', '=', 'orgs.claimed_domain')
      .where('orgs.domain_proof', 'is not', null);
  }

  async #domainsOf(ids: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
    const rows =
      ids.length === 0
        ? []
        : await this.database.query
            .selectFrom('org_connection_domains')
            .selectAll()
            .where('connection_id', 'in', ids)
            .orderBy('domain')
            .execute();
    const found = new Map<string, string[]>();
    for (const { connection_id: id, domain } of rows) {
      found.set(id, [...(found.get(id) ?? []), domain]);
    }
    return found;
  }

  async #inTurn<T>(act: (transaction: Transaction) => Promise<T>): Promise<T> {
    try {
      return await this.database.query.transaction().execute(act);
    } catch (error) {
      throw isUniqueViolation(error)
        ? new Problem('conflict', {
            reason: 'connection_domain_taken',
            detail: 'Another connection has this domain.',
          })
        : error;
    }
  }
}

type Transaction = Parameters<Parameters<ReturnType<Database['query']['transaction']>['execute']>[0]>[0];

/** Takes domains from organisations that had proven them once and don't any more: only their present owner's connection counts. */
async function giveDomains(transaction: Transaction, id: string, domains: readonly string[]): Promise<void> {
  for (const domain of domains) {
    await transaction
      .deleteFrom('org_connection_domains')
      .where('domain', '=', domain)
      .where('connection_id', 'not in', (query) =>
        query
          .selectFrom('org_connections')
          .innerJoin('orgs', 'orgs.id', 'org_connections.org_id')
          .select('org_connections.id')
          .where('orgs.domain', '=', domain),
      )
      .execute();
    await transaction.insertInto('org_connection_domains').values({ domain, connection_id: id }).execute();
  }
}

function columnsOf({ name, settings, sealed, isRequired, rules, domains }: ConnectionContent, now: number) {
  const [first] = domains;
  return {
    name,
    settings,
    sealed,
    required: isRequired ? 1 : 0,
    rules,
    updated_at: now,
    // Later ones are the same: a connection serves no other domain than its first one.
    ...(first === undefined ? {} : { bound_domain: first }),
  };
}
