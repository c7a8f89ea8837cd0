import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { sql } from 'kysely';
import { databaseKinds } from '../../../test/support/database.kinds.js';
import { type FreshDatabase, migratedDatabase } from '../../../test/support/fresh.database.js';
import { newIdentity, plainConfiguration } from '../../../test/support/gateway.js';
import { Clock } from '../../platform/time/clock.service.js';
import { newId, timestampOf } from '../../platform/core/identifier.js';
import type { DatabaseConnection } from '../../platform/database/database-connection.js';
import { UserDirectory, type UserFilter, type UserPosition } from './user-directory.js';
import { RequiredFactors } from './required-factors.js';
import { UsersService } from './users.service.js';

const people: UserFilter = { kind: 'person' };

describe.each(databaseKinds)('UserDirectory on %s', (kind) => {
  let database: FreshDatabase;
  let connection: DatabaseConnection;
  let users: UsersService;
  let directory: UserDirectory;

  beforeEach(async () => {
    database = await migratedDatabase(kind, inject('postgresUrl'));
    connection = database.connect();
    users = new UsersService(connection, new Clock(), plainConfiguration(), new RequiredFactors());
    directory = new UserDirectory(connection);
  });

  afterEach(async () => {
    await database?.drop();
  });

  /** Adds a user in a millisecond of their own: of two in the same one, either may be listed first. */
  async function add(name: string | null, email: string | null = null): Promise<string> {
    const { id } = (await users.recordLogin(newIdentity({ name, email }))).user;
    while (Date.now() <= timestampOf(id));
    return id;
  }

  async function idsOf(filter: UserFilter): Promise<string[]> {
    return (await directory.list(filter, 100)).map(({ row }) => row.id);
  }

  /** All pages of a list, each read with one entry more than its limit, as callers do. */
  async function readAll(
    filter: UserFilter,
    limit: number,
    between: () => Promise<unknown> = async () => undefined,
  ): Promise<string[]> {
    const ids: string[] = [];
    let after: UserPosition | undefined;
    for (;;) {
      const page = await directory.list(filter, limit, after);
      ids.push(...page.map(({ row }) => row.id));
      after = page.at(-1)?.position;
      if (page.length < limit) {
        return ids;
      }
      await between();
    }
  }

  it('lists in the order in which they came, page by page, whatever comes in between', async () => {
    const ids: string[] = [];
    for (let count = 0; count < 7; count += 1) {
      ids.push(await add(`Person ${count}`));
    }
    const read = await readAll(people, 2, () => add('Late'));
    expect(read.slice(0, 7)).toEqual(ids);
    expect(new Set(read).size).toBe(read.length);
  });

  it('a search finds what begins with it and nothing else', async () => {
    const names = ['Ada', '%percent', '_under', "O'Hara", '"quoted"', '\\back', '👩‍🚀 astronaut', 'Женя'];
    for (const name of names) {
      await add(name);
    }
    await add('Zoe', 'ada@example.test');
    await add(null);
    for (const [search, expected] of [
      ['ada', ['ada@example.test', 'Ada']],
      ['ADA', ['ada@example.test', 'Ada']],
      ['ada@example.test', ['ada@example.test']],
      ['%', ['%percent']],
      ['_', ['_under']],
      ['*', []],
      ["o'", ["O'Hara"]],
      ['"', ['"quoted"']],
      ['\\', ['\\back']],
      ['👩‍', ['👩‍🚀 astronaut']],
      ['ж', ['Женя']],
      ["' or 1=1 --", []],
      ['a@b@c', []],
      ['аda', []],
    ] as const) {
      const found = await directory.list({ ...people, search }, 100);
      const shown = found.map(({ row, position }) => (position.by === 'email' ? row.email : row.name));
      expect([search, shown]).toEqual([search, expected]);
    }
  });

  it('a search lists everybody once, addresses first, page by page with people coming in between', async () => {
    const both = await add('sam', 'sam@example.test');
    const byName = [await add('Sam A'), await add('Sam B'), await add('Sam B')];
    const byEmail = [await add('X', 'sam.a@example.test'), await add('Y', 'sam.b@example.test')];
    await add('Tom', 'tom@example.test');
    for (const limit of [1, 2, 3, 4, 50]) {
      // A user who sorts before the position is no longer listed; one who sorts after it is.
      const late: string[] = [];
      const read = await readAll({ ...people, search: 'Sam' }, limit, async () => {
        late.push(await add('saaa'), await add('saab', 'sa@example.test'));
      });
      expect(read).toEqual([...byEmail, both, ...byName]);
    }
  });

  it('a whole id finds its user, in any case, and nobody else', async () => {
    const id = await add('Ada');
    expect(await idsOf({ ...people, search: id.toUpperCase() })).toEqual([id]);
    expect(await idsOf({ ...people, search: newId() })).toEqual([]);
  });

  it('filters by state, role and kind, also in a search', async () => {
    const [active, disabled, admin, service] = [
      await add('Sam'),
      await add('Sam'),
      await add('Sam'),
      await add('Sam'),
    ];
    const { query } = connection;
    await query.updateTable('users').set({ disabled_at: 1 }).where('id', '=', disabled).execute();
    await query.updateTable('users').set({ role: 'admin' }).where('id', '=', admin).execute();
    await query.updateTable('users').set({ kind: 'service' }).where('id', '=', service).execute();
    for (const search of [undefined, 'sam']) {
      expect(await idsOf({ ...people, search })).toEqual([active, disabled, admin]);
      expect(await idsOf({ ...people, search, state: 'active' })).toEqual([active, admin]);
      expect(await idsOf({ ...people, search, state: 'disabled' })).toEqual([disabled]);
      expect(await idsOf({ ...people, search, role: 'admin' })).toEqual([admin]);
      expect(await idsOf({ ...people, search, role: 'user', state: 'active' })).toEqual([active]);
      expect(await idsOf({ search, kind: 'service' })).toEqual([service]);
    }
  });

  it('a page, administrators, disabled people, service accounts and a search are read along an index', async () => {
    await seed(2000);
    const statements: { sql: string; parameters: readonly unknown[] }[] = [];
    const recording = database.connect(({ query }) => {
      statements.push({ sql: query.sql, parameters: query.parameters });
    });
    for (const [filter, expected] of [
      [people, /users_pkey|sqlite_autoindex_users_1/],
      [{ ...people, role: 'admin' }, /users_admins/],
      [{ ...people, state: 'disabled' }, /users_disabled/],
      [{ kind: 'service' }, /users_services/],
      [{ ...people, search: 'person 77' }, /users_email_key[^]*users_name_key/],
    ] as const) {
      await new UserDirectory(recording).list(filter, 51);
      const asked = statements.splice(0);
      expect(asked.length).toBe('search' in filter ? 2 : 1);
      const plans: string[] = [];
      for (const statement of asked) {
        plans.push(await explain(statement));
      }
      expect(plans.join('\n')).toMatch(expected);
      // PostgreSQL may sort the few rows that a narrow search finds.
      expect(plans.join('\n')).not.toMatch(/Seq Scan|SCAN users(?! USING INDEX)|TEMP B-TREE/);
    }
  });

  async function seed(count: number): Promise<void> {
    const rows = Array.from({ length: count }, (_, index) => ({
      id: newId(),
      email: `person-${index}@example.test`,
      email_key: `person-${index}@example.test`,
      email_verified: 1,
      name: `Person ${index}`,
      name_key: `person ${index}`,
      picture: null,
      role: index % 500 === 0 ? ('admin' as const) : ('user' as const),
      kind: index % 500 === 1 ? ('service' as const) : ('person' as const),
      version: 1,
      disabled_at: index % 500 === 2 ? 1 : null,
      created_at: 1,
      updated_at: 1,
      last_login_at: null,
    }));
    for (let first = 0; first < count; first += 500) {
      await connection.query
        .insertInto('users')
        .values(rows.slice(first, first + 500))
        .execute();
    }
    await sql`analyze`.execute(connection.query);
  }

  async function explain(statement: { sql: string; parameters: readonly unknown[] }): Promise<string> {
    const { rows } = await connection.query.executeQuery<Record<string, unknown>>({
      sql: `explain ${kind === 'sqlite' ? 'query plan ' : ''}${statement.sql}`,
      parameters: statement.parameters,
      query: sql``.toOperationNode(),
      queryId: { queryId: newId() },
    });
    return JSON.stringify(rows);
  }

  it('an organisation is listed with the role in it, active memberships alone, page by page', async () => {
    const id = await add('Ada');
    const orgs: string[] = [];
    for (const state of ['active', 'active', 'requested'] as const) {
      const orgId = newId();
      orgs.push(orgId);
      await connection.query
        .insertInto('orgs')
        .values({
          id: orgId,
          slug: orgId,
          name: 'Org',
          domain: null,
          join_policy: 'invite',
          version: 1,
          created_at: 1,
          updated_at: 1,
        })
        .execute();
      await connection.query
        .insertInto('memberships')
        .values({ org_id: orgId, user_id: id, role: 'admin', state, created_at: 1 })
        .execute();
    }
    const listed = await directory.orgsOf(id, 10);
    expect(listed.map((org) => org.id)).toEqual(orgs.slice(0, 2));
    expect(listed[0]).toEqual({ id: orgs[0], slug: orgs[0], name: 'Org', role: 'admin' });
    expect((await directory.orgsOf(id, 10, orgs[0])).map((org) => org.id)).toEqual([orgs[1]]);
  });
});
