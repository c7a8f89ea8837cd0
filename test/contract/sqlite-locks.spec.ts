import { type Transaction, sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { ApiKeyRepository } from '../../src/api-keys/api-key.repository.js';
import { RequiredFactors } from '../../src/directory/users/required-factors.js';
import { newUserRow } from '../../src/directory/users/user-rows.js';
import { requireLocked, requireActiveUser } from '../../src/directory/users/user-rules.js';
import { OrgKeyAccounts } from '../../src/orgs/org-key-accounts.js';
import { OrgRepository } from '../../src/orgs/org.repository.js';
import { newId } from '../../src/platform/core/identifier.js';
import type { DatabaseConnection } from '../../src/platform/database/database-connection.js';
import type { Schema } from '../../src/platform/database/database.schema.js';
import { Clock } from '../../src/platform/time/clock.service.js';
import { type FreshDatabase, migratedDatabase } from '../support/fresh.database.js';

describe('beside another process on SQLite, nobody writes between what is read and what is written', () => {
  let database: FreshDatabase;
  let connection: DatabaseConnection;
  let other: DatabaseConnection;
  let userId: string;

  beforeEach(async () => {
    database = await migratedDatabase('sqlite', inject('postgresUrl'));
    [connection, other] = [database.connect(), database.connect()];
    // It doesn't wait: this process would wait with it.
    await sql`pragma busy_timeout = 0`.execute(other.query);
    userId = newId();
    const nameless = { email: null, email_key: null, email_verified: 0, name: null, name_key: null };
    await connection.query
      .insertInto('users')
      .values(newUserRow({ id: userId, ...nameless, picture: null, kind: 'person' }, 1))
      .execute();
  });

  afterEach(async () => {
    await database?.drop();
  });

  const writeElsewhere = async (): Promise<string> =>
    other.query
      .updateTable('users')
      .set({ updated_at: 2 })
      .execute()
      .then(
        () => 'written',
        () => 'refused',
      );

  it.each([
    ['that lock a user', requireLocked],
    ['that require an active user', requireActiveUser],
  ] as const)(
    'by transactions %s',
    async (_case, lock: (transaction: Transaction<Schema>, id: string) => Promise<unknown>) => {
      await connection.query.transaction().execute(async (transaction) => {
        await lock(transaction, userId);
        expect(await writeElsewhere()).toBe('refused');
        await transaction.updateTable('users').set({ name: 'Ada' }).where('id', '=', userId).execute();
      });
    },
  );

  it('by the revocation of a key that made an organisation’s', async () => {
    const seen: string[] = [];
    class Observed extends OrgKeyAccounts {
      override async lockOrg(transaction: Transaction<Schema>, orgId: string): Promise<boolean> {
        seen.push(await writeElsewhere());
        return super.lockOrg(transaction, orgId);
      }
    }
    const orgId = newId();
    await connection.query
      .insertInto('orgs')
      .values({
        id: orgId,
        slug: 'org',
        name: 'Org',
        domain: null,
        join_policy: 'invite',
        version: 1,
        created_at: 1,
        updated_at: 1,
      })
      .execute();
    const [root, child] = [newId(), newId()];
    const key = { secret_hash: 'hash', name: 'Key', user_id: userId, scope: 'api', created_by: userId };
    const times = { created_at: 1, expires_at: null, last_used_at: null, revoked_at: null };
    await connection.query
      .insertInto('api_keys')
      .values([
        { ...key, ...times, id: root, org_id: null, made_by_key: null },
        { ...key, ...times, id: child, org_id: orgId, made_by_key: root },
      ])
      .execute();
    const accounts = new Observed(new OrgRepository(connection, new Clock(), new RequiredFactors()));
    const keys = new ApiKeyRepository(connection, new Clock(), accounts);
    const ended = await keys.revoke({ userId }, root, { record: async () => undefined });
    expect(ended.map(({ id }) => id)).toEqual([root, child]);
    expect(seen).toEqual(['refused']);
  });
});
