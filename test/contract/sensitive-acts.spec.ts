import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Database } from '../../src/platform/database/database.schema.js';
import { exchange, makeKey, plantOrg, send, textOf } from '../support/api.caller.js';
import { type Gateway, type GatewayAnswer, type HeldSession, startGateway } from '../support/gateway.js';

describe('acts that a script on the same origin must not do with an old session', () => {
  let gateway: Gateway;

  beforeAll(async () => {
    gateway = await startGateway();
  });

  afterAll(async () => {
    await gateway?.stop();
  });

  /** An administrator who logged in this many minutes ago. */
  async function administrator(minutesAgo: number): Promise<HeldSession> {
    const profile = { email: `admin-${minutesAgo}@example.test`, subject: `admin-${minutesAgo}` };
    const first = await gateway.session(profile);
    const { query } = gateway.app.get(Database, { strict: false });
    await query.updateTable('users').set({ role: 'admin' }).where('id', '=', first.user.id).execute();
    return gateway.session(profile, {}, { authTime: Date.now() - minutesAgo * 60_000 });
  }

  async function bearerOf({ cookie }: HeldSession): Promise<string> {
    const form = {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token_type: 'urn:vestibule:params:oauth:token-type:session',
    };
    return `Bearer ${textOf(await exchange(gateway, form, { cookie }), 'access_token')}`;
  }

  const key = { name: 'Key', scope: 'profile:read' };

  function expectStepUp(answer: GatewayAnswer): void {
    expect([answer.status, textOf(answer, 'code')]).toEqual([401, 'reauthentication_required']);
    expect(textOf(answer, 'loginUrl')).toBe('/auth/login?max_age=900');
    expect(answer.headers['www-authenticate']).toBe(
      'Bearer error="insufficient_user_authentication", max_age="900"',
    );
  }

  it('an old session, and a bearer from it, make no keys, change and give no roles, and confirm no domain [H05]', async () => {
    const admin = await administrator(16);
    const other = await gateway.session();
    const org = await plantOrg(gateway, 'old', { owner: admin, member: other });
    for (const as of [{ cookie: admin.cookie }, { authorization: await bearerOf(admin) }]) {
      expectStepUp(await send(gateway, 'POST', '/api/v1/api-keys', as, key));
      const ofOrg = { ...key, role: 'member' };
      expectStepUp(await send(gateway, 'POST', `/api/v1/orgs/${org}/api-keys`, as, ofOrg));
      expectStepUp(await send(gateway, 'PATCH', `/api/v1/users/${other.user.id}`, as, { role: 'admin' }));
      const member = `/api/v1/orgs/${org}/members/${other.user.id}`;
      expectStepUp(await send(gateway, 'PATCH', member, as, { role: 'admin' }));
      const [invites, email] = [`/api/v1/orgs/${org}/invites`, 'eve@example.test'];
      expectStepUp(await send(gateway, 'POST', invites, as, { role: 'owner', email }));
      expectStepUp(await send(gateway, 'POST', invites, as, {}));
      const confirmation = { domain: 'example.test' };
      expectStepUp(await send(gateway, 'POST', `/api/v1/orgs/${org}/domain/confirm`, as, confirmation));
    }
    const listed = await gateway.request('/api/v1/api-keys', { headers: { cookie: admin.cookie } });
    expect(listed.json()).toEqual({ items: [], nextCursor: null });
  });

  it('a session within the quarter of an hour after its login does both', async () => {
    const admin = await administrator(14);
    const other = await gateway.session();
    const as = { cookie: admin.cookie };
    expect((await send(gateway, 'POST', '/api/v1/api-keys', as, key)).status).toBe(201);
    const change = await send(gateway, 'PATCH', `/api/v1/users/${other.user.id}`, as, { role: 'admin' });
    expect(change.status).toBe(200);
  });

  it('what changes no role, and an invite of one address as a member, ask for no login, and neither does an API key', async () => {
    const admin = await administrator(13);
    const { key: apiKey } = await makeKey(gateway, { cookie: admin.cookie }, { scope: 'api' });
    const other = await gateway.session();
    const path = `/api/v1/users/${other.user.id}`;
    gateway.shiftClock(300);
    try {
      const renamed = await send(gateway, 'PATCH', path, { cookie: admin.cookie }, { name: 'New Name' });
      expect(renamed.status).not.toBe(401);
      const org = await plantOrg(gateway, 'invites', { owner: admin });
      const invite = { email: 'grace@example.test' };
      const invited = await send(
        gateway,
        'POST',
        `/api/v1/orgs/${org}/invites`,
        { cookie: admin.cookie },
        invite,
      );
      expect(invited.status).toBe(201);
      const as = { 'x-api-key': apiKey };
      expect((await send(gateway, 'POST', '/api/v1/api-keys', as, key)).status).toBe(201);
      expect((await send(gateway, 'PATCH', path, as, { role: 'admin' })).status).toBe(200);
    } finally {
      gateway.shiftClock(0);
    }
  });

  it('where the provider does not report when credentials were given, the start of the session counts', async () => {
    const held = await gateway.session({}, {}, { authTime: null });
    const as = { cookie: held.cookie };
    expect((await send(gateway, 'POST', '/api/v1/api-keys', as, key)).status).toBe(201);
    gateway.shiftClock(901);
    try {
      expectStepUp(await send(gateway, 'POST', '/api/v1/api-keys', as, key));
    } finally {
      gateway.shiftClock(0);
    }
  });
});
