import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { databaseKinds } from '../../../test/support/database.kinds.js';
import { type FreshDatabase, migratedDatabase } from '../../../test/support/fresh.database.js';
import { newIdentity, plainConfiguration } from '../../../test/support/gateway.js';
import { Clock } from '../../platform/time/clock.service.js';
import type { DatabaseConnection } from '../../platform/database/database-connection.js';
import { UserProfiles, differs } from './user-profile.js';
import { RequiredFactors } from './required-factors.js';
import { UsersService } from './users.service.js';

describe.each(databaseKinds)('UserProfiles on %s', (kind) => {
  let database: FreshDatabase;
  let connection: DatabaseConnection;
  let users: UsersService;
  let profiles: UserProfiles;

  beforeEach(async () => {
    database = await migratedDatabase(kind, inject('postgresUrl'));
    connection = database.connect();
    users = new UsersService(connection, new Clock(), plainConfiguration(), new RequiredFactors());
    profiles = new UserProfiles(connection, new Clock());
  });

  afterEach(async () => {
    await database?.drop();
  });

  it('a user follows their identity: address, verified flag, name and picture', async () => {
    const identity = newIdentity({ name: 'Ada', picture: 'https://pictures.example.test/ada' });
    const { user } = await users.recordLogin(identity);
    const changed = {
      ...identity,
      email: 'New@Example.test',
      emailVerified: false,
      name: null,
      picture: null,
    };
    expect(await profiles.follow(user, changed)).toEqual({ isVerified: false });
    expect(await profiles.findUser(identity)).toEqual({
      id: user.id,
      email: 'new@example.test',
      emailVerified: false,
      name: null,
      picture: null,
    });
    const { user: seen } = await users.recordLogin(changed);
    expect(await profiles.follow(seen, { ...changed, emailVerified: true })).toEqual({ isVerified: true });
  });

  it('an address is told in the spelling in which Kratos keeps it, whose capital İ is an i', async () => {
    const identity = newIdentity({ email: 'Adm\u0130n@Example.test' });
    const { user } = await users.recordLogin(identity);
    expect(user.email).toBe('admin@example.test');
    expect(differs(user, identity)).toBe(false);
  });

  it('an account that was never proven is not called verified by it', async () => {
    const identity = newIdentity({ emailVerified: false });
    const { user } = await users.recordLogin(identity);
    expect(await profiles.follow(user, { ...identity, emailVerified: true })).toEqual({ isVerified: false });
  });

  it('an address that the provider does not tell is not verified, whatever it says', async () => {
    const identity = { ...newIdentity(), email: null };
    const { user } = await users.recordLogin(identity);
    expect(user).toMatchObject({ email: null, emailVerified: false });
    expect(differs(user, identity)).toBe(false);
  });

  it('what was changed since the provider was asked stays', async () => {
    const identity = newIdentity({ name: null, picture: null });
    const { user: seen } = await users.recordLogin(identity);
    for (const newer of [
      { ...identity, name: 'Newer' },
      { ...identity, email: 'newer@example.test' },
      { ...identity, emailVerified: false },
      { ...identity, picture: 'https://pictures.example.test/newer' },
    ]) {
      const { user } = await users.recordLogin(newer);
      expect(await profiles.follow(seen, { ...identity, name: 'Older' })).toBeUndefined();
      expect(await profiles.findUser(identity)).toEqual(user);
    }
  });

  it('of several identities of a user, the one that logged in last is followed', async () => {
    const [first, second] = [newIdentity(), newIdentity()];
    const { user } = await users.recordLogin(first);
    await connection.query
      .insertInto('identities')
      .values({
        issuer: second.issuer,
        subject: second.subject,
        user_id: user.id,
        created_at: 1,
        last_login_at: 1,
      })
      .execute();
    expect(await profiles.isFollowed(user.id, first)).toBe(true);
    expect(await profiles.isFollowed(user.id, second)).toBe(false);
    await connection.query.updateTable('identities').set({ last_login_at: 5 }).execute();
    const followed = await Promise.all([first, second].map((one) => profiles.isFollowed(user.id, one)));
    expect(followed.filter(Boolean)).toHaveLength(1);
    expect(await profiles.isFollowed(user.id, newIdentity())).toBe(false);
  });

  it.each([
    ['nothing', {}, false],
    ['the case of the address', { email: 'ADA@example.test' }, false],
    ['the address', { email: 'grace@example.test' }, true],
    ['no address', { email: null }, true],
    ['the verified flag', { emailVerified: false }, true],
    ['the name', { name: 'Grace' }, true],
    ['the picture', { picture: 'https://pictures.example.test/x' }, true],
  ])('%s differs', (_, difference, expected) => {
    const facts = { email: 'ada@example.test', emailVerified: true, name: 'Ada', picture: null };
    expect(differs(facts, { ...facts, ...difference })).toBe(expected);
  });
});
