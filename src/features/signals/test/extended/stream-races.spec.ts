import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { administratorAt } from '../../../../../test/support/administrator.js';
import { makeKey, send, textOf } from '../../../../../test/support/api.caller.js';
import { type Gateway, startGateway } from '../../../../../test/support/gateway.js';
import { RowRace } from '../../../../../test/support/row.race.js';
import { TestDatabases } from '../../../../../test/support/test.database.js';
import { SignalDatabase } from '../../signal.schema.js';

const databases = new TestDatabases(inject('postgresUrl'));
let gateway: Gateway;
let other: RowRace;

beforeAll(async () => {
  const url = await databases.createMigrated();
  gateway = await startGateway({ DATABASE_URL: url });
  other = await RowRace.at(url);
});

afterAll(async () => {
  await other?.stop();
  await gateway?.stop();
  await databases.drop();
});

async function receiver() {
  const { bearer, user } = await administratorAt(gateway);
  const { key } = await makeKey(gateway, { authorization: bearer }, { scope: 'revocations:read' });
  const as = { 'x-api-key': key };
  const { query } = gateway.app.get(SignalDatabase, { strict: false });
  const streams = () =>
    query.selectFrom('signal_streams').select('id').where('owner_id', '=', user.id).execute();
  return { user, as, streams };
}

it.each([
  ['deleted', 'delete from users where id = $1'],
  ['disabled', 'update users set disabled_at = 1 where id = $1'],
])('an owner who is %s meanwhile gets no stream', async (_what, change) => {
  const { user, as, streams } = await receiver();
  const answer = await other.during(change, [user.id], () => send(gateway, 'POST', '/ssf/streams', as, {}));
  expect([answer.status, answer.text]).toEqual([401, expect.stringContaining('"unauthenticated"')]);
  expect(await streams()).toEqual([]);
});

it('an acknowledgement for a stream that is deleted meanwhile is no error', async () => {
  const { as } = await receiver();
  const id = textOf(await send(gateway, 'POST', '/ssf/streams', as, {}), 'stream_id');
  const { cookie } = await gateway.session();
  const headers = { cookie, origin: gateway.configuration.PUBLIC_URL };
  expect((await gateway.request('/auth/logout', { method: 'POST', headers })).status).toBe(200);
  const poll = (body: object) =>
    send(gateway, 'POST', `/ssf/poll/${id}`, as, { returnImmediately: true, ...body });
  const sets = Object(JSON.parse((await poll({})).text)).sets;
  expect(Object.keys(sets)).not.toEqual([]);
  const answer = await other.during('delete from signal_streams where id = $1', [id], () =>
    poll({ ack: Object.keys(sets), maxEvents: 0 }),
  );
  expect([200, 404]).toContain(answer.status);
});

it('an owner has at most twenty streams, of those that are made at once, too', async () => {
  const { as, streams } = await receiver();
  const answers = await Promise.all(
    Array.from({ length: 30 }, async () => (await send(gateway, 'POST', '/ssf/streams', as, {})).status),
  );
  expect(answers.toSorted((one, two) => one - two)).toEqual([
    ...Array<number>(20).fill(201),
    ...Array<number>(10).fill(409),
  ]);
  expect(await streams()).toHaveLength(20);
});
