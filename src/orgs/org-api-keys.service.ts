import { Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import type { CreatedKey, KeyItem, KeyWish } from '../api-keys/api-key.schemas.js';
import { ApiKeysService, type KeyRequestOrigin } from '../api-keys/api-keys.service.js';
import { Problem } from '../core/problem.error.js';
import { Database, type Schema } from '../database/database.schema.js';
import type { Page } from '../http/page.cursor.js';
import type { Principal } from '../session/principal.js';
import { requireId, requireMay } from './org.access.js';
import { standingIn } from './org.lock.js';
import type { OrgAct, OrgTarget } from './org.policy.js';

/** API keys of organisations, for those who may manage them. */
@Injectable()
export class OrgApiKeysService {
  readonly #keys: ApiKeysService;
  readonly #database: Database;

  constructor(keys: ApiKeysService, database: Database) {
    this.#keys = keys;
    this.#database = database;
  }

  /**
   * Makes a key with a service account of its own.
   * @param orgId as the caller gave it.
   * @throws {Problem} `not_found`, `forbidden`, and what {@link ApiKeysService.create} throws.
   */
  async create(
    principal: Principal,
    orgId: string,
    { wish, role }: { readonly wish: KeyWish; readonly role: 'admin' | 'member' },
    origin: KeyRequestOrigin,
  ): Promise<{ id: string; created: CreatedKey }> {
    const id = await this.#require(principal, orgId, 'key.create', { newRole: role });
    const requireMaker = async (transaction: Transaction<Schema>): Promise<void> =>
      requireMay(await standingIn(transaction, id, principal), 'key.create', { newRole: role });
    return {
      id,
      created: await this.#keys.create(principal, wish, origin, { orgId: id, role, requireMaker }),
    };
  }

  /** @throws {Problem} `not_found`, `forbidden` */
  async list(
    principal: Principal,
    orgId: string,
    page: { readonly limit: number; readonly cursor?: string | undefined },
  ): Promise<Page<KeyItem & { userId: string; role: string | null }>> {
    return this.#keys.listOfOrg(await this.#require(principal, orgId, 'keys.read'), page);
  }

  /** @throws {Problem} `not_found`, `forbidden` */
  async revoke(principal: Principal, orgId: string, keyId: string, origin: KeyRequestOrigin): Promise<void> {
    const id = await this.#require(principal, orgId, 'key.revoke');
    await this.#keys.revoke(principal, { orgId: id }, keyId, origin);
  }

  /**
   * What the caller is there is read, not taken from their token: it may speak of another organisation.
   * @returns the id in its one spelling.
   */
  async #require(principal: Principal, given: string, act: OrgAct, target: OrgTarget = {}): Promise<string> {
    const orgId = requireId(given);
    const org = await this.#database.query
      .selectFrom('orgs')
      .select('id')
      .where('id', '=', orgId)
      .executeTakeFirst();
    if (org === undefined) {
      throw new Problem('not_found', { reason: 'org_unknown' });
    }
    requireMay(await standingIn(this.#database.query, orgId, principal), act, target);
    return orgId;
  }
}
