import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { Database } from '../../src/platform/database/database.schema.js';
import { administratorAt } from '../support/administrator.js';
import { type Gateway, type GatewayAnswer, type HeldSession, startGateway } from '../support/gateway.js';
import { OrgCaller } from '../support/org.caller.js';
import { waitUntil } from '../support/stack.js';
import { TestDatabases } from '../support/test.database.js';

const databases = new TestDatabases(inject('postgresUrl'));
let gateway: Gateway;
let orgs: OrgCaller;
/** Changes a user in a transaction of its own, as another replica does. */
let other: pg.Client;

beforeAll(async () => {
  const url = await databases.create();
  gateway = await startGateway({ DATABASE_URL: url });
  orgs = new OrgCaller(gateway);
  other = new pg.Client(url);
  await other.connect();
});

afterEach(() => other.query('rollback'));

afterAll(async () => {
  await other?.end();
  await gateway?.stop();
  await databases.drop();
});

const query = () => gateway.app.get(Database, { strict: false }).query;

/** Sends a request that comes to a user's row while another replica changes it. */
async function during(
  change: string,
  { user }: Pick<HeldSession, 'user'>,
  send: () => Promise<GatewayAnswer>,
): Promise<GatewayAnswer> {
  await other.query('begin');
  await other.query(change, [user.id]);
  const answer = send();
  await waitUntil(async () => {
    const { rows } = await other.query(
      "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
    );
    return rows.length > 0;
  }, 'the request to wait for the row');
  await other.query('commit');
  return answer;
}

/** The first step of a deletion, which also checks that no organisation loses its last owner. */
const disabling = 'update users set disabled_at = 1 where id = $1';
const deletion = 'delete from users where id = $1';

describe('an organisation that is made', () => {
  it.each([
    ['a user', () => gateway.session()],
    ['an administrator', () => administratorAt(gateway)],
  ])('by %s whose deletion begins meanwhile isn’t made: it would have no owner', async (_who, arrive) => {
    const maker = await arrive();
    const name = `Orphan ${maker.user.id.slice(-8)}`;
    const answer = await during(disabling, maker, () => orgs.call(maker, 'POST /api/v1/orgs', { name }));
    expect([answer.status, answer.text]).toEqual([401, expect.stringContaining('"unauthenticated"')]);
    const made = query().selectFrom('orgs').select('id').where('name', '=', name);
    expect(await made.execute()).toEqual([]);
  });

  it('by a user who is deleted meanwhile isn’t made', async () => {
    const maker = await gateway.session();
    const answer = await during(deletion, maker, () =>
      orgs.call(maker, 'POST /api/v1/orgs', { name: 'Orphan' }),
    );
    expect([answer.status, answer.text]).toEqual([401, expect.stringContaining('"unauthenticated"')]);
  });
});

describe('a user who is deleted meanwhile', () => {
  it('accepts no invite', async () => {
    const [owner, invited] = [await gateway.session(), await gateway.session()];
    const { id } = await orgs.make(owner);
    const invite = await orgs.call(owner, `POST /api/v1/orgs/${id}/invites`, {
      role: 'admin',
      email: invited.user.email,
    });
    const { id: inviteId } = Object(invite.json());
    const answer = await during(deletion, invited, () =>
      orgs.call(invited, `POST /api/v1/me/invites/${inviteId}/accept`),
    );
    expect([answer.status, answer.text]).toEqual([401, expect.stringContaining('"unauthenticated"')]);
  });

  it('is no member by an approval', async () => {
    const [owner, asking] = [await gateway.session(), await gateway.session()];
    const { id } = await orgs.make(owner);
    await orgs.join(id, asking, 'member');
    await query()
      .updateTable('memberships')
      .set({ state: 'requested' })
      .where('user_id', '=', asking.user.id)
      .execute();
    const answer = await during(deletion, asking, () =>
      orgs.call(owner, `POST /api/v1/orgs/${id}/members/${asking.user.id}/approve`),
    );
    expect([answer.status, answer.text]).toEqual([404, expect.stringContaining('"not_found"')]);
  });
});
