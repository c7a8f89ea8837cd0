import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { type FreshDatabase, migratedDatabase } from '../../../../test/support/fresh.database.js';
import { oryConfigurationAt } from '../../../../test/support/ory.configuration.js';
import { StandIn } from '../../../../test/support/stand-in.js';
import { SteppedClock } from '../../../../test/support/stepped.clock.js';
import { DatabaseLocks } from '../../../platform/database/database-locks.js';
import { UpstreamCalls } from '../../../platform/upstream/upstream-calls.js';
import { HydraSigningKeys } from './hydra-signing-keys.js';

const hydra = new StandIn('');
const madeSchema = z.tuple([z.object({ keys: z.tuple([z.looseObject({ n: z.base64url() })]) })]);
let database: FreshDatabase;

beforeAll(async () => {
  database = await migratedDatabase('sqlite', inject('postgresUrl'));
});

afterAll(async () => database?.drop());

afterEach(() => hydra.stop());

/** The keys as one replica has them. */
function openKeys(url: string): HydraSigningKeys {
  const locks = new DatabaseLocks(database.connect(), new SteppedClock());
  return new HydraSigningKeys(oryConfigurationAt(url), UpstreamCalls.unobserved(), locks);
}

/** Ensures the keys of a Hydra that answers questions for them with 404. @returns the problem, if any, and how often it was to make keys. */
async function ensureWhile404Says(body: string): Promise<readonly [unknown, number]> {
  let made = 0;
  hydra.say(({ method }, response) => {
    made += method === 'PUT' ? 1 : 0;
    response.writeHead(method === 'PUT' ? 200 : 404, { 'content-type': 'application/json' });
    response.end(method === 'PUT' ? '{"keys":[{}]}' : body);
    return true;
  });
  const url = await hydra.start();
  const code = await openKeys(url)
    .ensure()
    .catch((error: unknown) => Reflect.get(Object(error), 'code'));
  return [code, made];
}

it.each([
  ['of Hydra 2.3', '{"error":"Unable to locate the resource","error_description":""}', [undefined, 2]],
  ['with the error of a newer one', '{"error":{"code":404,"message":"Not Found"}}', [undefined, 2]],
  ['of a proxy between', '{"message":"Not Found"}', ['provider_unavailable', 0]],
  ['of another program', '<h1>404</h1>', ['provider_unavailable', 0]],
])('a 404 %s: are the keys missing?', async (_of, body, expected) => {
  expect(await ensureWhile404Says(body)).toEqual(expected);
});

it('replicas that start at the same time make one RSA key of 2,048 bits for each set', async () => {
  const sets = new Map<string, unknown[]>();
  hydra.say(async (request, response) => {
    const set = request.url?.split('/').at(-1) ?? '';
    if (request.method === 'PUT') {
      sets.set(set, [...(sets.get(set) ?? []), JSON.parse(await text(request))]);
    }
    const isThere = sets.has(set);
    response.writeHead(isThere ? 200 : 404, { 'content-type': 'application/json' });
    response.end(
      isThere ? '{"keys":[{}]}' : '{"error":"Unable to locate the resource","error_description":""}',
    );
    return true;
  });
  const url = await hydra.start();
  await Promise.all(Array.from({ length: 3 }, () => openKeys(url).ensure()));
  expect([...sets.keys()]).toEqual(['hydra.openid.id-token', 'hydra.jwt.access-token']);
  for (const made of sets.values()) {
    const [{ keys }] = madeSchema.parse(made);
    expect(keys[0]).toMatchObject({ alg: 'RS256', use: 'sig', kty: 'RSA', d: expect.any(String) });
    expect(Buffer.from(keys[0].n, 'base64url')).toHaveLength(2048 / 8);
  }
});
