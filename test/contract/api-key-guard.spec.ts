import { Controller, Get, Module } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { makeApiKey } from '../../src/api-keys/api-key-format.js';
import { newId } from '../../src/platform/core/identifier.js';
import { Database } from '../../src/platform/database/database.schema.js';
import {
  AnyScope,
  CurrentUser,
  RequireRole,
  RequireScope,
} from '../../src/session/guards/access.decorators.js';
import type { Principal } from '../../src/session/principal.js';
import { RevocationService } from '../../src/session/revocation/revocation.service.js';
import { type Credential, exchange, makeKey, plantOrg, send, textOf } from '../support/api.caller.js';
import { isBackground, recordStatements, withoutNotedUses } from '../support/call.counter.js';
import { type FreshDatabase, freshDatabase } from '../support/fresh.database.js';
import { type Gateway, type HeldSession, newSecret, startGateway } from '../support/gateway.js';
import { waitUntil } from '../support/stack.js';

/** What an application would add. */
@Controller('probe')
class ProbeController {
  @Get('who')
  @AnyScope()
  who(@CurrentUser() { user, claims }: Principal): unknown {
    return { user, org: claims.org, roles: claims.roles };
  }

  @Get('users')
  @RequireRole('admin')
  @RequireScope('users:read')
  users(): string {
    return 'users';
  }
}

@Module({ controllers: [ProbeController] })
class ProbeModule {}

const day = 86_400_000;

let database: FreshDatabase;
let gateway: Gateway;
/** Another replica on the same database. */
let other: Gateway;
let statements: string[];

beforeAll(async () => {
  database = await freshDatabase('postgres', inject('postgresUrl'));
  const env = { DATABASE_URL: database.url, SECRETS: newSecret() };
  const options = { modules: [ProbeModule] };
  gateway = await startGateway(env, undefined, options);
  other = await startGateway(env, undefined, options);
  statements = recordStatements(gateway.app.get(Database, { strict: false }));
});

afterAll(async () => {
  await gateway?.stop();
  await other?.stop();
  await database?.drop();
});

async function statusOf(headers: Credential, path = '/api/v1/me', at = gateway): Promise<number> {
  return (await at.request(path, { headers })).status;
}

const query = () => gateway.app.get(Database, { strict: false }).query;

async function holder(
  body: Readonly<Record<string, unknown>> = {},
): Promise<{ person: HeldSession; id: string; key: string; as: Credential }> {
  const person = await gateway.session();
  const { id, key } = await makeKey(gateway, { cookie: person.cookie }, body);
  return { person, id, key, as: { 'x-api-key': key } };
}

describe('a request with an API key', () => {
  it('has the same caller as one with the cookie or the bearer: user, organisation, roles', async () => {
    const { person, key } = await holder({ scope: 'api' });
    await plantOrg(gateway, 'same-caller', { admin: person });
    await query().updateTable('users').set({ role: 'admin' }).where('id', '=', person.user.id).execute();
    await gateway.app.get(RevocationService, { strict: false }).invalidate('user', person.user.id);
    const subject_token_type = 'urn:vestibule:params:oauth:token-type:session';
    const grant_type = 'urn:ietf:params:oauth:grant-type:token-exchange';
    const token = await exchange(gateway, { grant_type, subject_token_type }, { cookie: person.cookie });
    const answers = await Promise.all(
      [
        { cookie: person.cookie },
        { authorization: `Bearer ${textOf(token, 'access_token')}` },
        { 'x-api-key': key },
        { authorization: `Bearer ${key}` },
        { authorization: `bearer  ${key} ` },
      ].map(async (headers) => (await gateway.request('/probe/who', { headers })).json()),
    );
    expect(answers[0]).toEqual({
      user: person.user,
      org: { id: expect.any(String), slug: 'same-caller', role: 'admin' },
      roles: ['admin'],
    });
    for (const answer of answers) {
      expect(answer).toEqual(answers[0]);
    }
  });

  it('asks nobody for 200 requests within a minute, and the database once in the next', async () => {
    const { as } = await holder();
    expect(await statusOf(as)).toBe(200);
    const seen = (): string[] => statements.filter((statement) => !isBackground(statement));
    const before = seen().length;
    for (let index = 0; index < 200; index += 1) {
      expect(await statusOf(as)).toBe(200);
    }
    expect(withoutNotedUses(seen().slice(before))).toEqual([]);
    gateway.shiftClock(61);
    try {
      expect([await statusOf(as), await statusOf(as)]).toEqual([200, 200]);
    } finally {
      gateway.shiftClock(0);
    }
    const ofKeys = seen().filter((statement, index) => index >= before && statement.includes('"api_keys"'));
    expect(withoutNotedUses(ofKeys)).toHaveLength(1);
  });

  it('does what its scope covers and is told which scope it lacks', async () => {
    const { as } = await holder({ scope: 'keys:read app:x' });
    expect(await statusOf(as, '/api/v1/api-keys')).toBe(200);
    const refused = await gateway.request('/api/v1/me', { headers: as });
    expect([refused.status, textOf(refused, 'code')]).toEqual([403, 'insufficient_scope']);
    expect(refused.headers['www-authenticate']).toBe(
      'Bearer error="insufficient_scope", scope="profile:read"',
    );
    const made = await send(gateway, 'POST', '/api/v1/api-keys', as, { name: 'Key', scope: 'app:x' });
    expect(made.headers['www-authenticate']).toContain('scope="keys:write"');
  });

  it.each(['api_key', 'apikey', 'api-key', 'X-API-Key', 'access_token'])(
    'in the query as %s is a 400, wherever somebody looks for a credential [W15]',
    async (name) => {
      const { key } = await holder();
      for (const path of ['/api/v1/me', '/', '/auth/session']) {
        const answer = await gateway.request(`${path}?${name}=${key}`);
        expect({ path, status: answer.status }).toEqual({ path, status: 400 });
        expect(answer.text).not.toContain(key);
      }
      expect(gateway.log.join('\n')).not.toContain(key);
    },
  );

  it('in the query is found behind other parameters, and a path has none', async () => {
    const { person, key } = await holder();
    const answer = await gateway.request(`/api/v1/me?a=1&api_key=${key}`);
    expect([answer.status, textOf(answer, 'detail')]).toEqual([
      400,
      'Send credentials in a header, not in the URL.',
    ]);
    expect(await statusOf({ cookie: person.cookie }, '/auth/verify/session/app&api_key=x')).toBe(200);
  });

  it('is known by its beginning: what has it further on is a token', async () => {
    const count = gateway.log.length;
    expect(await statusOf({ authorization: 'Bearer AA.vst_AAAA.AA' })).toBe(401);
    const isTold = (): boolean =>
      gateway.log.slice(count).some((line) => line.includes('"reason":"token_header"'));
    await waitUntil(isTold, 'the reason');
  });

  it('with two credentials is a 400', async () => {
    const { person, key } = await holder();
    for (const authorization of [person.bearer, `Bearer ${key}`]) {
      const answer = await gateway.request('/api/v1/me', { headers: { 'x-api-key': key, authorization } });
      expect([answer.status, textOf(answer, 'detail')]).toEqual([
        400,
        'Send one credential: Authorization or X-API-Key.',
      ]);
    }
    // A browser sends its cookie along with whatever a script adds: the header is meant.
    expect(await statusOf({ 'x-api-key': key, cookie: person.cookie })).toBe(200);
  });

  it.each([
    ['nothing', ''],
    ['a blank', ' '],
    ['a prefix', 'vst_'],
    ['a prototype', '__proto__'],
    ['a constructor', 'vst_constructor'],
    ['a number', '1'],
    ['no base64', `vst_${'0'.repeat(32)}_${'%'.repeat(43)}00000000`],
    ['8 kB', `vst_${'a'.repeat(8000)}`],
    ['a key that was never stored', makeApiKey(newId()).key],
    ['two keys', `${makeApiKey(newId()).key},${makeApiKey(newId()).key}`],
  ])('of %s is a 401', async (_case, key) => {
    for (const headers of [{ 'x-api-key': key }, { authorization: `Bearer ${key}` }]) {
      expect(await statusOf(headers)).toBe(401);
    }
  });

  it('with another secret for an id that there is, is a 401, before and after it was cached', async () => {
    const { id, as } = await holder();
    const forged = { 'x-api-key': makeApiKey(id).key };
    expect(await statusOf(forged)).toBe(401);
    expect(await statusOf(as)).toBe(200);
    expect(await statusOf(forged)).toBe(401);
  });

  it('that has expired is a 401, though it was cached', async () => {
    const { as } = await holder({ expiresAt: new Date(Date.now() + 30_000).toISOString() });
    expect(await statusOf(as)).toBe(200);
    gateway.shiftClock(31);
    try {
      expect(await statusOf(as)).toBe(401);
    } finally {
      gateway.shiftClock(0);
    }
  });

  it('that was revoked on one replica is a 401 there at once, and on the other within the bound', async () => {
    const { person, id, as } = await holder();
    expect([await statusOf(as), await statusOf(as, '/api/v1/me', other)]).toEqual([200, 200]);
    const path = `/api/v1/api-keys/${id}`;
    expect((await send(gateway, 'DELETE', path, { cookie: person.cookie })).status).toBe(204);
    expect(await statusOf(as)).toBe(401);
    await waitUntil(async () => (await statusOf(as, '/api/v1/me', other)) === 401, 'the revocation', 5000);
    // Also when the list of revocations has forgotten it: the row says so.
    gateway.shiftClock(day / 1000);
    try {
      expect(await statusOf(as)).toBe(401);
    } finally {
      gateway.shiftClock(0);
    }
  });

  it('of an owner who was disabled is a 401 here within a second, and on the other within the bound', async () => {
    const { person, as } = await holder();
    expect([await statusOf(as), await statusOf(as, '/api/v1/me', other)]).toEqual([200, 200]);
    await query()
      .updateTable('users')
      .set({ disabled_at: Date.now() })
      .where('id', '=', person.user.id)
      .execute();
    await gateway.app.get(RevocationService, { strict: false }).invalidate('user', person.user.id);
    await waitUntil(async () => (await statusOf(as)) === 401, 'the disabling', 1000);
    await waitUntil(async () => (await statusOf(as, '/api/v1/me', other)) === 401, 'the other', 5000);
    await query().updateTable('users').set({ disabled_at: null }).where('id', '=', person.user.id).execute();
    expect(await statusOf(as)).toBe(200);
  });

  it('of an owner who was deleted is a 401', async () => {
    const { person, as } = await holder();
    expect(await statusOf(as)).toBe(200);
    await query().deleteFrom('sessions').where('user_id', '=', person.user.id).execute();
    await query().deleteFrom('identities').where('user_id', '=', person.user.id).execute();
    await query().deleteFrom('users').where('id', '=', person.user.id).execute();
    await gateway.app.get(RevocationService, { strict: false }).invalidate('user', person.user.id);
    expect(await statusOf(as)).toBe(401);
  });

  it('of a demoted administrator is no more one than its owner, and never was one beyond its scope', async () => {
    const { person, as } = await holder({ scope: 'users:read' });
    const narrow = await makeKey(gateway, { cookie: person.cookie });
    const set = async (role: 'admin' | 'user'): Promise<void> => {
      await query().updateTable('users').set({ role }).where('id', '=', person.user.id).execute();
      await gateway.app.get(RevocationService, { strict: false }).invalidate('user', person.user.id);
    };
    expect(await statusOf(as, '/probe/users')).toBe(403);
    await set('admin');
    expect(await statusOf(as, '/probe/users')).toBe(200);
    expect(await statusOf({ 'x-api-key': narrow.key }, '/probe/users')).toBe(403);
    await set('user');
    expect(await statusOf(as, '/probe/users')).toBe(403);
  });

  it('of a service account that was removed from its organisation is a 401', async () => {
    const owner = await gateway.session();
    const orgId = await plantOrg(gateway, 'removal', { owner });
    const { key } = await makeKey(gateway, { cookie: owner.cookie }, {}, `/api/v1/orgs/${orgId}/api-keys`);
    const as = { 'x-api-key': key };
    const who = await gateway.request('/probe/who', { headers: as });
    const userId = textOf(who, 'user', 'id');
    await query().deleteFrom('memberships').where('user_id', '=', userId).execute();
    await gateway.app.get(RevocationService, { strict: false }).invalidate('user', userId);
    expect(await statusOf(as)).toBe(401);
  });

  it('that logs out ends nothing: neither the key nor a session of its owner', async () => {
    const { person, as } = await holder({ scope: 'api' });
    await send(gateway, 'POST', '/auth/logout', as);
    expect([await statusOf(as), await statusOf({ cookie: person.cookie })]).toEqual([200, 200]);
  });

  it('gets no cookie, ever', async () => {
    const { as } = await holder({ scope: 'api' });
    for (const path of ['/api/v1/me', '/auth/session', '/', '/auth/sessions']) {
      expect((await gateway.request(path, { headers: as })).cookies).toEqual([]);
    }
  });
});

describe('the account page', () => {
  const form = (name: string, scope: string, life = '90'): string =>
    new URLSearchParams({ name, scope, life }).toString();
  const post = (path: string, cookie: string, body = '') =>
    gateway.request(path, {
      method: 'POST',
      headers: { cookie, accept: 'text/html', 'content-type': 'application/x-www-form-urlencoded' },
      body,
    });

  it('makes a key with a plain form, shows it once, lists it, and revokes it', async () => {
    const { cookie } = await gateway.session();
    const made = await post('/account/api-keys', cookie, form('My <robot>', 'profile:read app:x'));
    expect(made.status).toBe(200);
    expect(made.headers['cache-control']).toBe('no-store');
    expect(made.cookies).toEqual([]);
    const key = /vst_[\w-]{84}/.exec(made.text)?.[0] ?? '';
    expect(await statusOf({ 'x-api-key': key })).toBe(200);
    const page = await gateway.request('/', { headers: { cookie } });
    expect(page.text).toContain('My &lt;robot>');
    expect(page.text).toContain('profile:read app:x');
    expect(page.text).not.toContain(key.slice(37));
    expect(gateway.log.join('\n')).not.toContain(key.slice(37));
    const revoke = /action="(\/account\/api-keys\/[\w-]+\/revoke)"/.exec(page.text)?.[1] ?? '';
    const answer = await post(revoke, cookie);
    expect([answer.status, answer.headers['location']]).toEqual([303, '/?notice=key_revoked']);
    expect((await post(revoke, cookie)).headers['location']).toBe('/?notice=key_gone');
    expect(await statusOf({ 'x-api-key': key })).toBe(401);
    const after = await gateway.request('/?notice=key_revoked', { headers: { cookie } });
    expect(after.text).toContain('The API key has been revoked.');
    expect(after.text).not.toContain('My &lt;robot>');
  });

  it.each([
    ['an empty name', form('', 'api')],
    ['no scope', form('Key', '')],
    ['a mistyped scope', form('Key', 'orgs:raed')],
    ['another life', form('Key', 'api', '36500')],
    ['two names', `${form('Key', 'api')}&name=x`],
    ['nothing', ''],
  ])('%s is a 400 page and makes none', async (_case, body) => {
    const { cookie } = await gateway.session();
    expect((await post('/account/api-keys', cookie, body)).status).toBe(400);
    const page = await gateway.request('/', { headers: { cookie } });
    expect(page.text).not.toContain('/revoke"');
  });

  it('takes no form of another site, and none of nobody', async () => {
    const { cookie } = await gateway.session();
    const answer = await gateway.request('/account/api-keys', {
      method: 'POST',
      headers: {
        cookie,
        origin: 'https://evil.example',
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: form('Key', 'api'),
    });
    expect(answer.status).toBe(403);
    expect((await post('/account/api-keys', '', form('Key', 'api'))).status).toBe(401);
  });
});
