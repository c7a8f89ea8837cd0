import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { databaseKinds } from '../../../test/support/database.kinds.js';
import { type FreshDatabase, migratedDatabase } from '../../../test/support/fresh.database.js';
import { newIdentity, plainConfiguration } from '../../../test/support/gateway.js';
import { newId } from '../../platform/core/identifier.js';
import type { DatabaseConnection } from '../../platform/database/database-connection.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { Clock } from '../../platform/time/clock.service.js';
import type { ProviderIdentity } from '../../directory/users/identity.js';
import { IdentityImport, type NewIdentity } from './identity-import.js';
import { RequiredFactors } from '../../directory/users/required-factors.js';
import { UsersService } from '../../directory/users/users.service.js';

const rules = { to: 'urn:example:new', movesAdministrators: false };

describe.each(databaseKinds)('IdentityImport on %s', (kind) => {
  let database: FreshDatabase;
  let users: UsersService;
  let identities: IdentityImport;
  /** Runs once, in the middle of the next move: after it has read which new identities are used, and before it writes. */
  let meanwhile: (() => Promise<void>) | undefined;

  beforeEach(async () => {
    database = await migratedDatabase(kind, inject('postgresUrl'));
    users = usersOver(database.connect());
    meanwhile = undefined;
    const importing = database.connect(async ({ query }) => {
      const act = meanwhile;
      if (act !== undefined && query.sql.startsWith('select "subject" from "identities"')) {
        meanwhile = undefined;
        await act();
      }
    });
    identities = new IdentityImport(importing, new Clock());
  });

  afterEach(async () => {
    await database?.drop();
  });

  const usersOver = (connection: DatabaseConnection): UsersService =>
    new UsersService(connection, new Clock(), plainConfiguration(), new RequiredFactors());

  /** A person of the old provider, with the new identity that they have got. */
  function newMove(): NewIdentity & { readonly before: ProviderIdentity; readonly after: ProviderIdentity } {
    const before = newIdentity({ issuer: 'urn:example:old' });
    const email = before.email ?? '';
    const from = { issuer: before.issuer, subject: before.subject };
    const to = { issuer: rules.to, subject: newId() };
    const { emailVerified, name, picture } = before;
    return {
      person: { from, email, emailVerified, name, picture, isDisabled: false },
      to,
      before,
      after: { ...before, ...to },
    };
  }

  /** Logs in at the gateway in the middle of the next move. @returns the user's id, or undefined if the database was locked. */
  function logInMeanwhile(identity: ProviderIdentity): Promise<string | undefined> {
    const connection = database.connect();
    return new Promise((resolve, reject) => {
      meanwhile = async () => {
        try {
          if (kind === 'sqlite') {
            // Fails at once instead of after five seconds, in which this process couldn't go on with the move.
            await sql`pragma busy_timeout = 0`.execute(connection.query);
          }
          resolve(await usersOver(connection).ensure(identity));
        } catch (error) {
          if (error instanceof Problem && error.code === 'database_unavailable') {
            resolve(undefined);
          } else {
            reject(error);
          }
        }
      };
    });
  }

  it('an identity that was used before it was linked is named as such, not as an address that is taken', async () => {
    const [used, taken, free] = [newMove(), newMove(), newMove()];
    const userId = await users.ensure(used.after);
    await users.ensure({ ...taken.before, issuer: 'urn:example:another' });
    expect(await identities.statesOf([used.person], rules)).toEqual([
      { state: 'refused', reason: 'address_taken' },
    ]);
    expect(await identities.move([used, taken, free], rules)).toEqual([
      { state: 'refused', reason: 'identity_used', isUsed: true },
      { state: 'refused', reason: 'address_taken', isUsed: false },
      { state: 'created', userId: expect.any(String) },
    ]);
    expect(await users.ensure(used.after)).toBe(userId);
  });

  it('of a user who was moved to another identity, it reports whether this one is used', async () => {
    const [first, other] = [newMove(), newMove()];
    await identities.move([first], rules);
    const again = { person: first.person, to: other.to };
    expect(await identities.move([again], rules)).toEqual([{ state: 'moved', isUsed: false }]);
    await users.ensure(other.after);
    expect(await identities.move([again, first], rules)).toEqual([
      { state: 'moved', isUsed: true },
      { state: 'moved', isUsed: true },
    ]);
  });

  it('a login with the new identity during the move fails neither', async () => {
    const [racing, other] = [newMove(), newMove()];
    const login = logInMeanwhile(racing.after);
    const [result, second] = await identities.move([racing, other], rules);
    expect(second).toEqual({ state: 'created', userId: expect.any(String) });
    // SQLite has one writer, which is the move: the login comes after it.
    const during = await login;
    expect(during === undefined).toBe(kind === 'sqlite');
    const userId = await users.ensure(racing.after);
    expect(result).toEqual(
      during === undefined
        ? { state: 'created', userId }
        : { state: 'refused', reason: 'identity_used', isUsed: true },
    );
    expect(during ?? userId).toBe(userId);
  });

  it('a first login with the old identity during the move is the user who gets the new one', async () => {
    const [racing, other] = [newMove(), newMove()];
    const login = logInMeanwhile(racing.before);
    const [result, second] = await identities.move([racing, other], rules);
    expect(second).toEqual({ state: 'created', userId: expect.any(String) });
    const during = await login;
    expect(during === undefined).toBe(kind === 'sqlite');
    const userId = await users.ensure(racing.before);
    expect(result).toEqual({ state: during === undefined ? 'created' : 'linked', userId });
    expect(await users.ensure(racing.after)).toBe(userId);
  });

  it('a write of the gateway during the move does not fail it', async () => {
    const move = newMove();
    const login = logInMeanwhile(newIdentity());
    expect(await identities.move([move], rules)).toEqual([{ state: 'created', userId: expect.any(String) }]);
    expect((await login) === undefined).toBe(kind === 'sqlite');
  });
});
