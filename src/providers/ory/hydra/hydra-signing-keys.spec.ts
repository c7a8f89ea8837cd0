import { afterEach, expect, it } from 'vitest';
import { oryConfigurationAt } from '../../../../test/support/ory.configuration.js';
import { StandIn } from '../../../../test/support/stand-in.js';
import { UpstreamCalls } from '../../../platform/upstream/upstream-calls.js';
import { HydraSigningKeys } from './hydra-signing-keys.js';

const hydra = new StandIn('');

afterEach(() => hydra.stop());

/** Ensures the keys of a Hydra that answers questions for them with 404. @returns the problem, if any, and how often it was to make keys. */
async function ensureWhile404Says(body: string): Promise<readonly [unknown, number]> {
  let made = 0;
  hydra.say(({ method }, response) => {
    made += method === 'POST' ? 1 : 0;
    response.writeHead(method === 'POST' ? 201 : 404, { 'content-type': 'application/json' });
    response.end(method === 'POST' ? '{"keys":[{}]}' : body);
    return true;
  });
  const url = await hydra.start();
  const keys = new HydraSigningKeys(oryConfigurationAt(url), UpstreamCalls.unobserved());
  const code = await keys.ensure().catch((error: unknown) => Reflect.get(Object(error), 'code'));
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
