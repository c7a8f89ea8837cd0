import pg from 'pg';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { UsersService } from '../../src/directory/users/users.service.js';
import { newId } from '../../src/platform/core/identifier.js';
import { Database } from '../../src/platform/database/database.schema.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { waitUntil } from '../support/stack.js';
import { TestDatabases } from '../support/test.database.js';

const databases = new TestDatabases(inject('postgresUrl'));
let gateway: Gateway;
/** Changes a user in a transaction of its own, beside the gateway. */
let other: pg.Client;

beforeAll(async () => {
  const url = await databases.createMigrated();
  gateway = await startGateway({ DATABASE_URL: url, LINK_BY_VERIFIED_EMAIL: 'true' });
  other = new pg.Client(url);
  await other.connect();
});

afterAll(async () => {
  await other?.end();
  await gateway?.stop();
  await databases.drop();
});

const query = () => gateway.app.get(Database, { strict: false }).query;

it.each([
  ['gives the address up', { email: 'private@elsewhere.example' }],
  ['loses the proof of it', { email_verified: 0 }],
  ['becomes an administrator', { role: 'admin' }],
])(
  'a user who %s while a company’s login waits for their row isn’t linked to it',
  async (_change, changes) => {
    const { user } = await gateway.session();
    const email = String(user.email);
    await query().updateTable('users').set({ email_verified: 1 }).where('id', '=', user.id).execute();
    await other.query('begin');
    for (const [column, value] of Object.entries(changes)) {
      await other.query(`update users set ${column} = $2 where id = $1`, [user.id, value]);
    }
    const identity = {
      issuer: `urn:vestibule:connection:${newId()}`,
      subject: newId(),
      email,
      emailVerified: true,
      name: 'Ada',
      picture: null,
      membership: { orgId: newId(), connection: { id: newId(), version: 1 }, role: 'member', isRuled: false },
    } as const;
    const login = gateway.app.get(UsersService, { strict: false }).recordLogin(identity);
    await waitUntil(async () => {
      const { rows } = await other.query(
        "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
      );
      return rows.length > 0;
    }, 'the login to wait for the row');
    await other.query('commit');
    expect(await login).toMatchObject({ linked: undefined });
    const linked = query().selectFrom('identities').select('user_id').where('issuer', '=', identity.issuer);
    expect((await linked.executeTakeFirst())?.user_id).not.toBe(user.id);
  },
);
