import { Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import type { CreatedKey, KeyItem, KeyInput } from '../api-keys/api-key.schemas.js';
import { ApiKeysService } from '../api-keys/api-keys.service.js';
import type { Schema } from '../platform/database/database.schema.js';
import type { Page, PageQuery } from '../platform/http/page.cursor.js';
import type { Caller, Principal } from '../session/principal.js';
import { requireMay } from './org.access.js';
import { standingIn } from './org.lock.js';
import { OrgStanding } from './org.standing.js';

/** Manages organisations' API keys, if the policy allows the caller to. */
@Injectable()
export class OrgApiKeysService {
  readonly #keys: ApiKeysService;
  readonly #standing: OrgStanding;

  constructor(keys: ApiKeysService, standing: OrgStanding) {
    this.#keys = keys;
    this.#standing = standing;
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
    const id = await this.#standing.require(principal, orgId, 'key.create', { newRole: role });
    const requireMaker = async (transaction: Transaction<Schema>): Promise<void> =>
      requireMay(await standingIn(transaction, id, principal, this.#standing.time), 'key.create', {
        newRole: role,
      });
    return { id, created: await this.#keys.create(caller, input, { orgId: id, role, requireMaker }) };
  }

  /** Lists an organisation's keys. @throws {Problem} `not_found`, `forbidden` */
  async list(
    principal: Principal,
    orgId: string,
    page: PageQuery,
  ): Promise<Page<KeyItem & { userId: string; role: string | null }>> {
    return this.#keys.listOfOrg(await this.#standing.require(principal, orgId, 'keys.read'), page);
  }

  /** Revokes an organisation's key. @throws {Problem} `not_found`, `forbidden` */
  async revoke(caller: Caller, orgId: string, keyId: string): Promise<void> {
    const id = await this.#standing.require(caller.principal, orgId, 'key.revoke');
    await this.#keys.revoke(caller, { orgId: id }, keyId);
  }
}
