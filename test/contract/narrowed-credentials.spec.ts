import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AnsweringOry, startAnsweringOry } from '../support/answering.ory.js';
import { type Credential, exchange, makeKey, plantOrg, send, textOf } from '../support/api.caller.js';
import type { Gateway, GatewayAnswer, HeldSession } from '../support/gateway.js';

const grant_type = 'urn:ietf:params:oauth:grant-type:token-exchange';
const keys = '/api/v1/api-keys';
const accessToken = 'ory_at_another.persons';
const inDays = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString();

describe('a credential that was narrowed', () => {
  let ory: AnsweringOry;
  let gateway: Gateway;

  beforeAll(async () => {
    ory = await startAnsweringOry();
    ({ gateway } = ory);
  });

  afterAll(async () => {
    await ory?.stop();
  });

  /** A bearer token of this session with less scope, perhaps for another of its person's organisations. */
  async function narrowed(held: HeldSession, scope: string, org?: string): Promise<Credential> {
    const answer = await exchange(
      gateway,
      {
        grant_type,
        subject_token_type: 'urn:vestibule:params:oauth:token-type:session',
        scope,
        ...(org === undefined ? {} : { org }),
      },
      { cookie: held.cookie },
    );
    return { authorization: `Bearer ${textOf(answer, 'access_token')}` };
  }

  const statusOf = async (as: Credential, path = '/auth/session'): Promise<number> =>
    (await gateway.request(path, { headers: as })).status;
  const fromKey = (key: string, org: string): Promise<GatewayAnswer> =>
    exchange(gateway, {
      grant_type,
      subject_token_type: 'urn:vestibule:params:oauth:token-type:api_key',
      subject_token: key,
      org,
    });

  it("doesn't log its person out; the cookie and a bearer of full scope do [H01]", async () => {
    const held = await gateway.session();
    const bearer = await narrowed(held, 'profile:read');
    const refused = await send(gateway, 'POST', '/auth/logout', bearer);
    expect([refused.status, textOf(refused, 'code')]).toEqual([403, 'insufficient_scope']);
    expect(refused.headers['www-authenticate']).toContain('error="insufficient_scope", scope="api"');
    expect([await statusOf({ cookie: held.cookie }), await statusOf(bearer)]).toEqual([200, 200]);

    const { key } = await makeKey(gateway, { cookie: held.cookie });
    expect((await send(gateway, 'POST', '/auth/logout', { 'x-api-key': key })).status).toBe(403);
    expect(await statusOf({ 'x-api-key': key })).toBe(200);

    expect((await send(gateway, 'POST', '/auth/logout', await narrowed(held, 'api'))).status).toBe(200);
    expect(await statusOf({ cookie: held.cookie })).toBe(401);
    const other = await gateway.session();
    expect((await send(gateway, 'POST', '/auth/logout', { cookie: other.cookie })).status).toBe(200);
    expect(await statusOf({ authorization: other.bearer })).toBe(401);
  });

  it("doesn't end its person's session, nor itself, beside another person's access token [H02]", async () => {
    const victim = await gateway.session();
    const bearer = await narrowed(victim, 'profile:read');
    const { key } = await makeKey(gateway, { cookie: victim.cookie });
    for (const as of [bearer, { 'x-api-key': key }, { authorization: victim.bearer }]) {
      const login = await send(gateway, 'POST', '/auth/login', as, { accessToken });
      expect(login.status).toBe(200);
      expect([await statusOf(as), await statusOf({ cookie: victim.cookie })]).toEqual([200, 200]);
    }
    // A browser's own session ends with the next login in it, so that none can be planted.
    const login = await send(gateway, 'POST', '/auth/login', { cookie: victim.cookie }, { accessToken });
    expect([login.status, await statusOf({ cookie: victim.cookie })]).toEqual([200, 401]);
  });

  it('makes only keys that end with it and stay in its organisation [H03]', async () => {
    const person = await gateway.session();
    await plantOrg(gateway, 'narrow-a', { owner: person });
    const orgB = await plantOrg(gateway, 'narrow-b', { owner: person });
    const bearer = await narrowed(person, 'keys:write profile:read', 'narrow-a');
    const { exp } = decodeJwt(String(bearer['authorization']).slice('Bearer '.length));
    const end = new Date((exp ?? 0) * 1000).toISOString();

    const later = { name: 'Key', scope: 'profile:read', expiresAt: inDays(1) };
    expect((await send(gateway, 'POST', keys, bearer, later)).status).toBe(400);
    const made = await send(gateway, 'POST', keys, bearer, { name: 'Key', scope: 'keys:write profile:read' });
    expect([made.status, textOf(made, 'expiresAt')]).toEqual([201, end]);
    const key = textOf(made, 'key');
    const session = await gateway.request('/auth/session', { headers: { 'x-api-key': key } });
    expect(textOf(session, 'claims', 'org', 'slug')).toBe('narrow-a');
    expect((await fromKey(key, 'narrow-a')).status).toBe(200);
    const moved = await fromKey(key, 'narrow-b');
    expect([moved.status, textOf(moved, 'error')]).toEqual([400, 'invalid_target']);

    // What that key makes is as bound as it is.
    const child = await makeKey(gateway, { 'x-api-key': key });
    expect((await fromKey(child.key, 'narrow-b')).status).toBe(400);
    const ofToken = { authorization: `Bearer ${textOf(await fromKey(key, 'narrow-a'), 'access_token')}` };
    const grandchild = await makeKey(gateway, ofToken);
    expect((await fromKey(grandchild.key, 'narrow-b')).status).toBe(400);

    // A key of another organisation's is beyond it too.
    const place = `/api/v1/orgs/${orgB}/api-keys`;
    const robot = { name: 'Robot', scope: 'profile:read', role: 'member' };
    expect((await send(gateway, 'POST', place, bearer, robot)).status).toBe(403);
    expect((await send(gateway, 'POST', place, { cookie: person.cookie }, robot)).status).toBe(201);
  });

  it('a session makes keys without an end, for each of its organisations', async () => {
    const person = await gateway.session();
    await plantOrg(gateway, 'free-a', { owner: person });
    await plantOrg(gateway, 'free-b', { owner: person });
    const made = await send(gateway, 'POST', keys, { cookie: person.cookie }, { name: 'Key', scope: 'api' });
    expect(made.json()).toMatchObject({ expiresAt: null });
    for (const org of ['free-a', 'free-b']) {
      expect((await fromKey(textOf(made, 'key'), org)).status).toBe(200);
    }
  });

  it('a key dies with the membership that it was bound to', async () => {
    const person = await gateway.session();
    const owner = await gateway.session();
    const org = await plantOrg(gateway, 'left', { owner, member: person });
    const { key } = await makeKey(gateway, await narrowed(person, 'keys:write profile:read', 'left'));
    expect(await statusOf({ 'x-api-key': key })).toBe(200);
    const path = `/api/v1/orgs/${org}/members/${person.user.id}`;
    expect((await send(gateway, 'DELETE', path, { cookie: owner.cookie })).status).toBe(204);
    expect(await statusOf({ 'x-api-key': key })).toBe(401);
  });
});
