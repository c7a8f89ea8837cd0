import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { databaseKinds } from '../../../test/support/database.kinds.js';
import { type FreshDatabase, migratedDatabase } from '../../../test/support/fresh.database.js';
import { newIdentity, plainConfiguration } from '../../../test/support/gateway.js';
import { Clock } from '../../platform/time/clock.service.js';
import { newId } from '../../platform/core/identifier.js';
import type { DatabaseConnection } from '../../platform/database/database-connection.js';
import { RequiredFactors } from './required-factors.js';
import { UsersService } from './users.service.js';

describe.each(databaseKinds)('UsersService on %s', (kind) => {
  let database: FreshDatabase;
  let connection: DatabaseConnection;
  let users: UsersService;

  beforeEach(async () => {
    database = await migratedDatabase(kind, inject('postgresUrl'));
    connection = database.connect();
    users = new UsersService(connection, new Clock(), plainConfiguration(), new RequiredFactors());
  });

  afterEach(async () => {
    await database?.drop();
  });

  async function counts(): Promise<{ users: number; identities: number }> {
    const rows = await connection.query.selectFrom('users').select('id').execute();
    const identities = await connection.query.selectFrom('identities').select('user_id').execute();
    return { users: rows.length, identities: identities.length };
  }

  it('the first login makes the user with the profile of the provider', async () => {
    const identity = newIdentity({ name: 'Ada', picture: 'https://pictures.example.test/ada' });
    const { user, linked } = await users.recordLogin(identity);
    expect(linked).toBeUndefined();
    expect(user).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      email: identity.email,
      emailVerified: true,
      name: 'Ada',
      picture: 'https://pictures.example.test/ada',
    });
    expect(await counts()).toEqual({ users: 1, identities: 1 });
  });

  it('the next login of the identity finds the user and takes the changed profile over', async () => {
    const identity = newIdentity();
    const first = (await users.recordLogin(identity)).user;
    const second = (
      await users.recordLogin({
        ...identity,
        email: null,
        emailVerified: false,
        name: 'Countess',
      })
    ).user;
    expect(second).toEqual({ ...first, email: null, emailVerified: false, name: 'Countess' });
    expect(await counts()).toEqual({ users: 1, identities: 1 });
  });

  it('a login of somebody known asks the database three times, and holds no transaction', async () => {
    const identity = newIdentity();
    await users.recordLogin(identity);
    const said: string[] = [];
    const watched = database.connect(({ query }) => said.push(query.sql.split('"', 2).join('"')));
    const transaction = vi.spyOn(watched.query, 'transaction');
    await new UsersService(watched, new Clock(), plainConfiguration(), new RequiredFactors()).recordLogin(
      identity,
    );
    expect(transaction).not.toHaveBeenCalled();
    expect(said).toEqual(['update "identities', 'update "users', 'select "orgs']);
  });

  it('20 first logins of one identity at once make one user, one identity, and no orphan', async () => {
    const identity = newIdentity();
    const logins = await Promise.all(Array.from({ length: 20 }, () => users.recordLogin(identity)));
    expect(new Set(logins.map(({ user }) => user.id)).size).toBe(1);
    expect(await counts()).toEqual({ users: 1, identities: 1 });
  });

  it('20 first logins of 20 people at once make 20 users, each with their own profile', async () => {
    const identities = Array.from({ length: 20 }, () => newIdentity());
    const logins = await Promise.all(identities.map((identity) => users.recordLogin(identity)));
    expect(logins.map(({ user }) => user.email)).toEqual(identities.map(({ email }) => email));
    expect(await counts()).toEqual({ users: 20, identities: 20 });
  });

  it('an e-mail address never links to an existing user, verified or not [L20]', async () => {
    const { user: first } = await users.recordLogin(
      newIdentity({ email: 'ada@example.test', emailVerified: true }),
    );
    for (const emailVerified of [true, false]) {
      const { user: other } = await users.recordLogin(
        newIdentity({ email: 'ada@example.test', emailVerified }),
      );
      expect(other.id).not.toBe(first.id);
    }
  });

  it('one subject at two issuers, and subjects that differ in case or blanks, are different people [L20]', async () => {
    const identity = newIdentity({ subject: 'abc' });
    const variants = [
      identity,
      { ...identity, issuer: 'https://other.example.test' },
      { ...identity, subject: 'ABC' },
      { ...identity, subject: 'abc ' },
      { ...identity, issuer: `${identity.issuer}/` },
    ];
    const ids = await Promise.all(
      variants.map(async (variant) => (await users.recordLogin(variant)).user.id),
    );
    expect(new Set(ids).size).toBe(variants.length);
  });

  it('text that looks like SQL, and every other text that can be seen, is kept as it is', async () => {
    for (const name of ["Robert'); drop table users; --", '𝔘𝔫𝔦 "code" \\ %_', ' % ']) {
      expect((await users.recordLogin(newIdentity({ name, subject: name }))).user.name).toBe(name);
    }
  });

  it('a name that can not be seen is none, so that lists show the address', async () => {
    for (const name of [' ', '\u200B\u2060', '\u202E\u2800']) {
      expect((await users.recordLogin(newIdentity({ name, subject: name }))).user.name).toBeNull();
    }
  });

  it('a disabled user can neither log in nor go on, and stays disabled', async () => {
    const identity = newIdentity();
    const { id } = (await users.recordLogin(identity)).user;
    await connection.query.updateTable('users').set({ disabled_at: 1 }).where('id', '=', id).execute();
    const refusal = { code: 'unauthenticated', reason: 'user_disabled' };
    await expect(users.recordLogin(identity)).rejects.toMatchObject(refusal);
    await expect(users.requireAccount(id, null)).rejects.toMatchObject(refusal);
    const row = await connection.query.selectFrom('users').selectAll().executeTakeFirstOrThrow();
    expect(row.disabled_at).toBe(1);
  });

  it('a user that is not there is unauthenticated', async () => {
    await expect(users.requireAccount(newId(), null)).rejects.toMatchObject({ reason: 'user_unknown' });
    await expect(users.requireAccount("' or 1=1 --", null)).rejects.toMatchObject({ reason: 'user_unknown' });
  });

  it('the user of an identity is made once, by how many replicas ever, and found after that', async () => {
    const identity = newIdentity();
    const ids = await Promise.all(Array.from({ length: 5 }, () => users.ensure(identity)));
    expect(new Set(ids).size).toBe(1);
    expect((await users.recordLogin(identity)).user.id).toBe(ids[0]);
    expect(await counts()).toEqual({ users: 1, identities: 1 });
  });
});
