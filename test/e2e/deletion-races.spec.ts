import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { MembershipRepository } from '../../src/orgs/membership.repository.js';
import { connectionIssuer } from '../../src/directory/users/connection-identity.js';
import { ConnectionRepository } from '../../src/features/connections/connection.repository.js';
import { Database } from '../../src/platform/database/database.schema.js';
import { administratorAt } from '../support/administrator.js';
import { type Gateway, type GatewayAnswer, type HeldSession, startGateway } from '../support/gateway.js';
import { OrgCaller } from '../support/org.caller.js';
import { RowRace } from '../support/row.race.js';
import { TestDatabases } from '../support/test.database.js';

const databases = new TestDatabases(inject('postgresUrl'));
let gateway: Gateway;
let orgs: OrgCaller;
let other: RowRace;

beforeAll(async () => {
  const url = await databases.createMigrated();
  gateway = await startGateway({ DATABASE_URL: url });
  orgs = new OrgCaller(gateway);
  other = await RowRace.at(url);
});

afterAll(async () => {
  await other?.stop();
  await gateway?.stop();
  await databases.drop();
});

const query = () => gateway.app.get(Database, { strict: false }).query;

/** Sends a request that comes to a user's row while another replica changes it. */
const during = (
  change: string,
  { user }: Pick<HeldSession, 'user'>,
  send: () => Promise<GatewayAnswer>,
): Promise<GatewayAnswer> => other.during(change, [user.id], send);

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

  it.each([
    ['the user', 'delete from users where id = $1 and $2 <> id'],
    ['the organisation', 'delete from orgs where id = $2 and $1 <> id'],
  ])('joins no organisation by the domain of the address: %s is deleted', async (_what, removal) => {
    const owner = await gateway.session();
    const { id } = await orgs.make(owner);
    const domain = `${id}.example.com`;
    const claimed = { domain, claimed_domain: domain, domain_proof: 'dns', join_policy: 'domain' } as const;
    await query().updateTable('orgs').set(claimed).where('id', '=', id).execute();
    const { user } = await gateway.session({ email: `ada@${domain}` });
    const members = gateway.app.get(MembershipRepository, { strict: false });
    const joined = await other.during(removal, [user.id, id], () => members.joinByDomain(user, domain));
    expect(joined).toEqual({ orgId: id, isNew: false });
  });

  it('begins no session at a connection', async () => {
    const connections = gateway.app.get(ConnectionRepository, { strict: false });
    const { id: identityId } = await connections.record({
      connectionId: 'staff',
      issuer: connectionIssuer('staff'),
      subject: 'ada',
      email: null,
      emailVerified: false,
      name: null,
      groups: [],
      state: 'active',
    });
    const evidence = { amr: ['pwd'], acr: 'aal1', authTime: 1, sealed: null, providerSid: null } as const;
    const begun = other.during('delete from connection_identities where id = $1', [identityId], () =>
      connections.begin({ identityId, ...evidence, expiresAt: Date.now() + 60_000 }),
    );
    expect(await begun).toBeUndefined();
  });

  it('makes no API key', async () => {
    const session = await gateway.session();
    const answer = await during(deletion, session, () =>
      orgs.call(session, 'POST /api/v1/api-keys', { name: 'Key', scope: 'profile:read' }),
    );
    expect([answer.status, answer.text]).toEqual([404, expect.stringContaining('"not_found"')]);
  });
});

describe('an organisation’s API key is not made', () => {
  const make = (maker: HeldSession, orgId: string): Promise<GatewayAnswer> =>
    orgs.call(maker, `POST /api/v1/orgs/${orgId}/api-keys`, {
      name: 'Key',
      scope: 'profile:read',
      role: 'admin',
    });
  const keysOf = (orgId: string) =>
    query().selectFrom('api_keys').select('id').where('org_id', '=', orgId).execute();

  it.each([
    ['deleted', 'delete from users where id = $1', 401],
    ['disabled', 'update users set disabled_at = 1 where id = $1', 404],
  ])('by an owner who is %s meanwhile', async (_what, change, status) => {
    const owner = await gateway.session();
    const { id } = await orgs.make(owner);
    const answer = await other.during(change, [owner.user.id], () => make(owner, id));
    expect(answer.status).toBe(status);
    expect(await keysOf(id)).toEqual([]);
  });

  it('by an administrator who is demoted meanwhile', async () => {
    const { id } = await orgs.make(await gateway.session());
    const maker = await administratorAt(gateway);
    const answer = await other.during("update users set role = 'user' where id = $1", [maker.user.id], () =>
      make(maker, id),
    );
    expect(answer.status).toBe(404);
    expect(await keysOf(id)).toEqual([]);
  });

  it('in one that is deleted meanwhile', async () => {
    const owner = await gateway.session();
    const { id } = await orgs.make(owner);
    const answer = await other.during('delete from orgs where id = $1', [id], () => make(owner, id));
    expect([answer.status, answer.text]).toEqual([404, expect.stringContaining('"not_found"')]);
    expect(await keysOf(id)).toEqual([]);
  });
});
