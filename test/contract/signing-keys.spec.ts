import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { Database } from '../../src/platform/database/database.schema.js';
import { databaseKinds } from '../support/database.kinds.js';
import { type FreshDatabase, freshDatabase } from '../support/fresh.database.js';
import { type Gateway, type GatewayAnswer, startGateway } from '../support/gateway.js';
import { waitUntil } from '../support/stack.js';
import { type World, makeWorld } from '../support/world.js';

const keysSchema = z.strictObject({
  items: z.array(
    z.strictObject({
      kid: z.string().regex(/^[\w-]{43}$/),
      algorithm: z.literal('ES256'),
      state: z.enum(['next', 'current', 'retired', 'revoked']),
      createdAt: z.iso.datetime(),
      activatedAt: z.iso.datetime().nullable(),
      retiredAt: z.iso.datetime().nullable(),
    }),
  ),
  nextCursor: z.null(),
});

describe.each(databaseKinds)('signing keys for administrators on %s', (kind) => {
  let database: FreshDatabase;
  let gateway: Gateway;
  let world: World;

  beforeAll(async () => {
    database = await freshDatabase(kind, inject('postgresUrl'));
    gateway = await startGateway({ DATABASE_URL: database.url });
    world = await makeWorld(gateway);
  });

  afterAll(async () => {
    await gateway?.stop();
    await database?.drop();
  });

  const call = (method: 'GET' | 'POST', path = '', headers = {}): Promise<GatewayAnswer> =>
    gateway.request(`/api/v1/signing-keys${path}`, {
      method,
      headers: { cookie: world.sessions.administrator.cookie, ...headers },
    });

  const statesOf = (answer: GatewayAnswer): (readonly [string, string])[] =>
    keysSchema.parse(answer.json()).items.map(({ kid, state }) => [kid, state] as const);

  it('are listed without anything of their private halves', async () => {
    const answer = await call('GET');
    expect(answer.status).toBe(200);
    expect(statesOf(answer).map(([, state]) => state)).toEqual(['current', 'next']);
    const { query } = gateway.app.get(Database, { strict: false });
    const stored = await query.selectFrom('signing_keys').select('private_jwk').execute();
    expect(stored.filter(({ private_jwk: sealed }) => answer.text.includes(sealed))).toEqual([]);
    expect(answer.text).not.toMatch(/"d"|private/);
  });

  it('are rotated: the next one signs, nobody is logged out, and the trail says who did it', async () => {
    const [[current] = [''], [next] = ['']] = statesOf(await call('GET'));
    const rotated = await call('POST', '/rotate');
    expect(rotated.status).toBe(200);
    expect(statesOf(rotated)).toEqual([
      [current, 'retired'],
      [next, 'current'],
      [expect.any(String), 'next'],
    ]);
    expect((await call('GET')).status).toBe(200);
    const { query } = gateway.app.get(Database, { strict: false });
    const read = () =>
      query
        .selectFrom('audit_events')
        .select(['actor_id', 'actor_credential'])
        .where('type', '=', 'key_rotated')
        .execute();
    await waitUntil(async () => (await read()).length > 0, 'the event');
    expect(await read()).toEqual([{ actor_id: world.userIds.administrator, actor_credential: 'cookie' }]);
  });

  it('are not rotated from another site', async () => {
    const before = statesOf(await call('GET'));
    const answer = await call('POST', '/rotate', { origin: 'https://evil.test' });
    expect(answer.json()).toMatchObject({ code: 'cross_site_request' });
    expect(statesOf(await call('GET'))).toEqual(before);
  });

  it('of rotations at the same moment each leaves one current and one next key', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => call('POST', '/rotate')));
    expect(answers.filter(({ status }) => status !== 200 && status !== 409)).toEqual([]);
    const states = statesOf(await call('GET')).map(([, state]) => state);
    expect(states.filter((state) => state === 'current')).toHaveLength(1);
    expect(states.filter((state) => state === 'next')).toHaveLength(1);
  });
});
