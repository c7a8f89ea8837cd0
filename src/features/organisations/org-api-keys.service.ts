import { Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import { UserNames } from '../../accounts/user-names.js';
import type { CreatedKey, KeyItem, KeyInput } from '../../api-keys/api-key.schemas.js';
import { ApiKeysService } from '../../api-keys/api-keys.service.js';
import type { Schema } from '../../platform/database/database.schema.js';
import type { Page, PageQuery } from '../../platform/http/page-cursor.js';
import { type Caller, type Principal, isAdministrator } from '../../session/principal.js';
import { requireMay } from '../../orgs/org-access.js';
import { standingIn } from '../../orgs/org-lock.js';
import { OrgAuthorization } from '../../orgs/org-authorization.js';

/** Manages organisations' API keys, if the policy allows the caller to. */
@Injectable()
export class OrgApiKeysService {
  constructor(
    private readonly keys: ApiKeysService,
    private readonly authorization: OrgAuthorization,
    private readonly names: UserNames,
  ) {}

  /**
   * Creates a key with a service account of its own, which has the key's name.
   * @param orgId as the caller gave it.
   * @throws {Problem} `not_found`, `forbidden`, `validation_failed` for reserved names, and what {@link ApiKeysService.create} throws.
   */
  async create(
    caller: Caller,
    orgId: string,
    { input, role }: { readonly input: KeyInput; readonly role: 'admin' | 'member' },
  ): Promise<{ id: string; created: CreatedKey }> {
    const { principal } = caller;
    const id = await this.authorization.require(principal, orgId, 'key.create', { newRole: role });
    if (!isAdministrator(principal)) {
      this.names.require(input.name);
    }
    const requireMaker = async (transaction: Transaction<Schema>): Promise<void> =>
      requireMay(await standingIn(transaction, id, principal, this.authorization.time), 'key.create', {
        newRole: role,
      });
    return { id, created: await this.keys.create(caller, input, { orgId: id, role, requireMaker }) };
  }

  /** Lists an organisation's keys. @throws {Problem} `not_found`, `forbidden` */
  async list(
    principal: Principal,
    orgId: string,
    page: PageQuery,
  ): Promise<Page<KeyItem & { userId: string; role: string | null }>> {
    return this.keys.listOfOrg(await this.authorization.require(principal, orgId, 'keys.read'), page);
  }

  /** Revokes an organisation's key. @throws {Problem} `not_found`, `forbidden` */
  async revoke(caller: Caller, orgId: string, keyId: string): Promise<void> {
    const id = await this.authorization.require(caller.principal, orgId, 'key.revoke');
    await this.keys.revoke(caller, { orgId: id }, keyId);
  }
}
