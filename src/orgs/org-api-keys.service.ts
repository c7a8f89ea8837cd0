import { Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import type { CreatedKey, KeyItem, KeyInput } from '../api-keys/api-key.schemas.js';
import { ApiKeysService } from '../api-keys/api-keys.service.js';
import { Problem } from '../platform/errors/problem.error.js';
import { Database, type Schema } from '../platform/database/database.schema.js';
import type { Page, PageQuery } from '../platform/http/page.cursor.js';
import type { Caller, Principal } from '../session/principal.js';
import { requireId, requireMay } from './org.access.js';
import { standingIn } from './org.lock.js';
import type { OrgAct, OrgTarget } from './org.policy.js';

/** Manages organisations' API keys, if the policy allows the caller to. */
@Injectable()
export class OrgApiKeysService {
  readonly #keys: ApiKeysService;
  readonly #database: Database;

  constructor(keys: ApiKeysService, database: Database) {
    this.#keys = keys;
    this.#database = database;
  }

  /**
   * Creates a key with a service account of its own.
   * @param orgId as the caller gave it.
   * @throws {Problem} `not_found`, `forbidden`, and what {@link ApiKeysService.create} throws.
   */
  async create(
    caller: Caller,
    orgId: string,
    { input, role }: { readonly input: KeyInput; readonly role: 'admin' | 'member' },
  ): Promise<{ id: string; created: CreatedKey }> {
    const { principal } = caller;
    const id = await this.#require(principal, orgId, 'key.create', { newRole: role });
    const requireMaker = async (transaction: Transaction<Schema>): Promise<void> =>
      requireMay(await standingIn(transaction, id, principal), 'key.create', { newRole: role });
    return { id, created: await this.#keys.create(caller, input, { orgId: id, role, requireMaker }) };
  }

  /** Lists an organisation's keys. @throws {Problem} `not_found`, `forbidden` */
  async list(
    principal: Principal,
    orgId: string,
    page: PageQuery,
  ): Promise<Page<KeyItem & { userId: string; role: string | null }>> {
    return this.#keys.listOfOrg(await this.#require(principal, orgId, 'keys.read'), page);
  }

  /** Revokes an organisation's key. @throws {Problem} `not_found`, `forbidden` */
  async revoke(caller: Caller, orgId: string, keyId: string): Promise<void> {
    const id = await this.#require(caller.principal, orgId, 'key.revoke');
    await this.#keys.revoke(caller, { orgId: id }, keyId);
  }

  /**
   * Requires that the caller may act. The role is read from SQL and not from the caller's token, which may be for another
   * organisation.
   * @returns the organisation's id in its canonical spelling.
   * @throws {Problem} `not_found`, `forbidden`
   */
  async #require(principal: Principal, given: string, act: OrgAct, target: OrgTarget = {}): Promise<string> {
    const orgId = requireId(given);
    await this.#database.query
      .selectFrom('orgs')
      .select('id')
      .where('id', '=', orgId)
      .executeTakeFirstOrThrow(() => new Problem('not_found', { reason: 'org_unknown' }));
    requireMay(await standingIn(this.#database.query, orgId, principal), act, target);
    return orgId;
  }
}
