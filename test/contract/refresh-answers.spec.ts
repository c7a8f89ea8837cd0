import { afterAll, beforeAll, expect, it } from 'vitest';
import { Database } from '../../src/platform/database/database.schema.js';
import { RefreshAnswerRepository } from '../../src/providers/ory/hydra/refresh-answer.repository.js';
import { type Gateway, startGateway } from '../support/gateway.js';

let gateway: Gateway;

beforeAll(async () => {
  gateway = await startGateway();
});

afterAll(async () => {
  await gateway?.stop();
});

it('a gateway leaves no answer to a refresh behind, although nobody refreshes any more', async () => {
  const answers = gateway.app.get(RefreshAnswerRepository, { strict: false });
  const { query } = gateway.app.get(Database, { strict: false });
  const token = 'ory_rt_secret.signature';
  const use = await answers.claim(token, 'what was asked');
  expect(await answers.keep(token, use.state === 'claimed' ? use.holder : '', 'the tokens')).toBe(true);
  const left = query.selectFrom('refresh_answers').select('state').where('sealed', 'is not', null);
  expect(await left.execute()).toEqual([{ state: 'kept' }]);
  gateway.shiftClock(70);
  await expect.poll(async () => left.execute(), { interval: 500, timeout: 60_000 }).toEqual([]);
});
