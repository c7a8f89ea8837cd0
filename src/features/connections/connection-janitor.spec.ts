import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { databaseKinds } from '../../../test/support/database.kinds.js';
import { type FreshDatabase, freshDatabase } from '../../../test/support/fresh.database.js';
import { newIdentity, plainConfiguration } from '../../../test/support/gateway.js';
import { RequiredFactors } from '../../directory/users/required-factors.js';
import { UsersService } from '../../directory/users/users.service.js';
import { newId } from '../../platform/core/identifier.js';
import type { DatabaseConnection } from '../../platform/database/database-connection.js';
import { Clock } from '../../platform/time/clock.service.js';
import { ConnectionJanitor } from './connection-janitor.js';

const hour = 3_600_000;

describe.each(databaseKinds)('ConnectionJanitor on %s', (kind) => {
  let database: FreshDatabase;
  let connection: DatabaseConnection;
  let userId: string;

  beforeEach(async () => {
    database = await freshDatabase(kind, inject('postgresUrl'));
    connection = await database.connectMigrated();
    const users = new UsersService(connection, new Clock(), plainConfiguration(), new RequiredFactors());
    userId = (await users.recordLogin(newIdentity())).user.id;
  });

  afterEach(async () => {
    await database?.drop();
  });

  it('keeps for 30 days what a connection reported of a user without an account, a session or an application', async () => {
    const clock = new Clock();
    const now = clock.now();
    clock.now = () => now;
    const month = 30 * 24 * hour;
    const issuer = 'urn:vestibule:connection:staff';
    const known = async (checkedAt: number): Promise<string> => {
      const id = newId();
      const row = { id, connection_id: 'staff', issuer, subject: id, email: null, email_verified: 0 };
      await connection.query
        .insertInto('connection_identities')
        .values({ ...row, name: null, groups: '[]', state: 'active', checked_at: checkedAt, created_at: 1 })
        .execute();
      return id;
    };
    const sessionOf = async (id: string, ends: Partial<Record<'ended_at' | 'expires_at', number>>) =>
      connection.query
        .insertInto('connection_sessions')
        .values({
          id: newId(),
          identity_id: id,
          amr: 'pwd',
          acr: 'aal1',
          auth_time: 1,
          created_at: 1,
          expires_at: now + hour,
          ended_at: null,
          provider_sid: null,
          sealed: null,
          checked_at: null,
          checking_until: null,
          ...ends,
        })
        .execute();
    const old = now - month - 1;
    const recent = await known(now - month);
    const [withAccount, withSession, withUse] = [await known(old), await known(old), await known(old)];
    await connection.query
      .insertInto('identities')
      .values({ issuer, subject: withAccount, user_id: userId, created_at: 1, last_login_at: 1 })
      .execute();
    await sessionOf(withSession, {});
    await connection.query
      .insertInto('application_uses')
      .values({ issuer, subject: withUse, client_id: 'app', first_used_at: 1, last_used_at: 1 })
      .execute();
    const [refused, ended, expired] = [await known(old), await known(old), await known(old)];
    await sessionOf(ended, { ended_at: 1 });
    await sessionOf(expired, { expires_at: now });
    const janitor = new ConnectionJanitor(connection, clock);
    expect(await janitor.clean()).toBe(3);
    const left = await connection.query.selectFrom('connection_identities').select('id').execute();
    expect(left.map(({ id }) => id).sort()).toEqual([recent, withAccount, withSession, withUse].sort());
    expect(left).not.toContainEqual({ id: refused });
  });
});
