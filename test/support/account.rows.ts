import { makeApiKey } from '../../src/api-keys/api-key-format.js';
import { newId } from '../../src/platform/core/identifier.js';
import { Database, type OrgRole } from '../../src/platform/database/database.schema.js';
import { fullScope } from '../../src/session/guards/scopes.js';
import type { Gateway } from './gateway.js';
import { waitUntil } from './stack.js';

/** What belongs to accounts, put into a gateway's database. */
export class AccountRows {
  readonly #gateway: () => Gateway;

  /** @param gateway asked anew at every call. */
  constructor(gateway: () => Gateway) {
    this.#gateway = gateway;
  }

  get query(): Database['query'] {
    return this.#gateway().app.get(Database, { strict: false }).query;
  }

  /** A new organisation with a member. @returns its id. */
  async addOrg(userId: string, role: OrgRole, name = 'Engines'): Promise<string> {
    const id = newId();
    await this.query
      .insertInto('orgs')
      .values({
        id,
        slug: `org-${id.slice(-12)}`,
        name,
        domain: null,
        join_policy: 'invite',
        version: 1,
        created_at: 1,
        updated_at: 1,
      })
      .execute();
    await this.query
      .insertInto('memberships')
      .values({ org_id: id, user_id: userId, role, state: 'active', created_at: 1 })
      .execute();
    return id;
  }

  /** A new API key. @returns the key. */
  async addKey(userId: string, scope: string = fullScope): Promise<string> {
    const id = newId();
    const { key, secretHash } = makeApiKey(id);
    await this.query
      .insertInto('api_keys')
      .values({
        id,
        secret_hash: secretHash,
        name: 'key',
        user_id: userId,
        org_id: null,
        scope,
        created_by: userId,
        created_at: Date.now(),
        expires_at: null,
        last_used_at: null,
        revoked_at: null,
      })
      .execute();
    return key;
  }

  /** Waits for the audit event of this type about a user. */
  async eventOf(type: string, userId: string): Promise<Readonly<Record<string, unknown>>> {
    const read = () =>
      this.query
        .selectFrom('audit_events')
        .select(['actor_id', 'actor_credential', 'target_kind', 'target_id', 'reason', 'outcome'])
        .where('type', '=', type)
        .where('user_id', '=', userId)
        .executeTakeFirst();
    await waitUntil(async () => (await read()) !== undefined, `the event ${type}`);
    return { ...(await read()) };
  }
}
