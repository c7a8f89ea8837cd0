import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { notes } from '../../examples/notes/notes.feature.js';
import { notesAnswerSchema } from '../../examples/notes/note.schemas.js';
import { PlanEnricher } from '../../examples/notes/plan.enricher.js';
import { newId } from '../../src/platform/core/identifier.js';
import { examine } from '../../src/doctor/doctor.service.js';
import { loadConfiguration } from '../../src/platform/config/configuration.js';
import { newSecret, providerEnv, startTestGateway } from '../../src/testing.js';
import { databaseKinds } from '../support/database.kinds.js';
import { type Gateway, type GatewayAnswer, type GatewayRequest, startGateway } from '../support/gateway.js';
import { blockRunBy } from '../support/document.blocks.js';
import { TestDatabases } from '../support/test.database.js';
import { type Caller, type World, keyOf, makeWorld } from '../support/world.js';

const path = '/api/v1/notes';

/** Makes a function of text, as a module's top level is one. */
const AsyncFunction = Object.getPrototypeOf(async () => undefined).constructor;

describe.each(databaseKinds)('the example of docs/adopting.md on %s', (kind) => {
  let gateway: Gateway;
  let world: World;
  let databases: TestDatabases;

  beforeAll(async () => {
    databases = new TestDatabases(inject('postgresUrl'));
    gateway = await startGateway(
      kind === 'postgres' ? { DATABASE_URL: await databases.createMigrated() } : {},
      undefined,
      { features: [notes], claimsEnricher: PlanEnricher },
    );
    world = await makeWorld(gateway);
  });

  afterAll(async () => {
    await gateway?.stop();
    await databases?.drop();
  });

  async function ask(
    caller: Caller,
    method: GatewayRequest['method'] = 'GET',
    below = '',
    text?: unknown,
  ): Promise<GatewayAnswer> {
    const credential = await world.headersOf(caller, 'notes:read', false);
    const headers = text === undefined ? credential : { ...credential, 'content-type': 'application/json' };
    const body = text === undefined ? {} : { body: JSON.stringify({ text }) };
    return gateway.request(`${path}${below}`, { method: method ?? 'GET', headers, ...body });
  }

  const idOf = (answer: GatewayAnswer): string => z.looseObject({ id: z.uuid() }).parse(answer.json()).id;
  const textsOf = async (caller: Caller): Promise<string[]> =>
    notesAnswerSchema.parse((await ask(caller)).json()).items.map(({ text }) => text);

  it('members share notes, and another organisation has its own', async () => {
    const written = await ask('member', 'POST', '', '  Buy milk ');
    expect([written.status, written.json()]).toMatchObject([
      201,
      { text: 'Buy milk', createdBy: world.userIds.member },
    ]);
    await ask('otherOwner', 'POST', '', 'Sell milk');
    expect(await textsOf('owner')).toEqual(['Buy milk']);
    expect(await textsOf('keyWithScope')).toEqual(['Buy milk']);
    expect(await textsOf('otherOwner')).toEqual(['Sell milk']);
    const foreign = await ask('otherOwner', 'DELETE', `/${idOf(written)}`);
    expect([foreign.status, foreign.json()]).toMatchObject([404, { code: 'not_found' }]);
    expect((await ask('member', 'DELETE', `/${idOf(written)}`)).status).toBe(403);
    expect((await ask('orgAdmin', 'DELETE', `/${idOf(written)}`)).status).toBe(204);
    expect(await textsOf('owner')).toEqual([]);
  });

  it('the plan in the token limits the free ones', async () => {
    for (const text of ['one', 'two', 'three']) {
      expect((await ask('orgAdmin', 'POST', '', text)).status).toBe(201);
    }
    const refused = await ask('member', 'POST', '', 'four');
    expect([refused.status, refused.json()]).toMatchObject([
      409,
      { code: 'notes:plan_full', title: 'The plan has no room for another note' },
    ]);
    const form = await gateway.request(path, {
      method: 'POST',
      headers: {
        ...(await world.headersOf('member', 'notes:read', false)),
        'content-type': 'application/json',
        accept: 'text/html',
        'accept-language': 'de',
      },
      body: JSON.stringify({ text: 'four' }),
    });
    expect([form.status, form.text]).toEqual([
      409,
      expect.stringContaining('Der Tarif hat keinen Platz für eine weitere Notiz'),
    ]);
    const { claims } = await gateway.session({ email: 'ada@team.example' });
    expect(claims['plan']).toBe('team');
  });

  it('pages follow each other', async () => {
    const first = notesAnswerSchema.parse((await ask('member', 'GET', '?limit=2')).json());
    const second = notesAnswerSchema.parse(
      (await ask('member', 'GET', `?limit=2&cursor=${first.nextCursor}`)).json(),
    );
    expect([...first.items, ...second.items].map(({ text }) => text)).toEqual(['one', 'two', 'three']);
    expect(second.nextCursor).toBeNull();
  });

  it('to remove every note an owner logs in again, with a second factor', async () => {
    const refused = await ask('owner', 'DELETE');
    expect([refused.status, refused.json()]).toMatchObject([
      401,
      { code: 'reauthentication_required', loginUrl: '/auth/login?max_age=300&acr_values=aal2' },
    ]);
    const { user } = world.sessions.owner;
    const subject = user.email?.split('@')[0] ?? '';
    const strong = await gateway.session({ subject, email: user.email }, {}, { acr: 'aal2' });
    expect(strong.user.id).toBe(user.id);
    expect(await textsOf('owner')).toHaveLength(3);
    const headers = { cookie: strong.cookie };
    expect((await gateway.request(path, { method: 'DELETE', headers })).status).toBe(204);
    expect(await textsOf('owner')).toEqual([]);
    const administrator = { cookie: world.sessions.administrator.cookie };
    const events = await gateway.request('/api/v1/audit-events?type=notes:cleared', {
      headers: administrator,
    });
    expect(events.json()).toMatchObject({ items: [{ type: 'notes:cleared', actor: { id: user.id } }] });
    const page = await gateway.request('/admin/audit-events?type=notes:cleared', {
      headers: { ...administrator, 'accept-language': 'de' },
    });
    expect(page.text).toContain('<summary>Alle Notizen entfernt');
  });

  it.each([
    ['anonymous', 'GET', '', 401],
    ['stranger', 'GET', '', 403],
    ['keyWithoutScope', 'GET', '', 403],
    ['keyWithScope', 'POST', '', 403],
    ['disabled', 'GET', '', 401],
    ['owner', 'GET', '/count', 403],
    ['administrator', 'GET', '/count', 200],
    ['anonymous', 'GET', '/about', 200],
    ['anonymous', 'GET', '/welcome', 200],
  ] as const)('%s %s %s: %d', async (caller, method, below, status) => {
    const answer = await ask(caller, method, below, method === 'POST' ? 'text' : undefined);
    expect(answer.status).toBe(status);
  });

  it('who is logged in is greeted by name where nobody must be', async () => {
    expect((await ask('member', 'GET', '/welcome')).json()).toEqual({ text: 'Welcome, Ada Lovelace.' });
    expect((await ask('anonymous', 'GET', '/welcome')).json()).toEqual({ text: 'Welcome. Please log in.' });
  });

  it('bad input is answered with a problem', async () => {
    for (const text of ['', ' ', 'x'.repeat(1001), 1, null, {}]) {
      const answer = await ask('member', 'POST', '', text);
      expect([answer.status, answer.json()]).toMatchObject([400, { code: 'validation_failed' }]);
    }
    for (const below of ['/x', `/${newId()}`]) {
      expect((await ask('owner', 'DELETE', below)).status).toBe(404);
    }
  });

  it('its routes are in the OpenAPI document, with examples', async () => {
    const document = z
      .looseObject({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) })
      .parse((await gateway.request('/docs/openapi.json')).json());
    expect(Object.keys(document.paths[path] ?? {}).toSorted()).toEqual(['delete', 'get', 'post']);
    expect(JSON.stringify(document.paths[path]?.['post'])).toContain('Buy milk');
  });

  it('a key that was given no more than notes:write can write and not read', async () => {
    const headers = {
      'x-api-key': await keyOf(gateway.app, world.userIds.otherOwner, 'notes:write'),
      'content-type': 'application/json',
    };
    const body = JSON.stringify({ text: 'by a machine' });
    expect((await gateway.request(path, { method: 'POST', headers, body })).status).toBe(201);
    expect((await gateway.request(path, { headers })).status).toBe(403);
  });
});

it('a wrong setting of the feature is named at the start, beside those of the core', () => {
  const env = { NOTES_FREE_LIMIT: 'many', TOKEN_TTL: 'soon' };
  expect(() => loadConfiguration({ ...providerEnv.ory, SECRETS: newSecret(), ...env }, [notes])).toThrow(
    /TOKEN_TTL: must be[^]*NOTES_FREE_LIMIT: must be a whole number/,
  );
});

it('a setting changes what the feature does, its scopes are published, and its check speaks in the doctor', async () => {
  const gateway = await startGateway({ NOTES_FREE_LIMIT: '0' }, undefined, { features: [notes] });
  try {
    const world = await makeWorld(gateway);
    const headers = { cookie: world.sessions.owner.cookie, 'content-type': 'application/json' };
    const body = JSON.stringify({ text: 'one' });
    const refused = await gateway.request(path, { method: 'POST', headers, body });
    expect([refused.status, refused.text]).toEqual([409, expect.stringContaining('no room')]);
    const metadata = await gateway.request('/.well-known/oauth-protected-resource');
    expect(metadata.text).toContain('"notes:write"');
    const findings = await examine(gateway.configuration, { isCheap: true, only: 'notes' });
    expect(findings).toMatchObject([
      { code: 'notes:nobody_writes', severity: 'warning', fix: expect.stringContaining('NOTES_FREE_LIMIT') },
    ]);
  } finally {
    await gateway.stop();
  }
});

it('the test that docs/adopting.md shows runs as it stands there', async () => {
  const code = blockRunBy('docs/adopting.md', 'test/contract/adopting.spec.ts');
  const run: unknown = Reflect.construct(AsyncFunction, [
    'startTestGateway',
    'notes',
    'PlanEnricher',
    `${code}; return answer;`,
  ]);
  const answer: unknown = await Reflect.apply(Object(run), undefined, [
    startTestGateway,
    notes,
    PlanEnricher,
  ]);
  // A person without an organisation has no notes.
  expect(Reflect.get(Object(answer), 'status')).toBe(403);
});
