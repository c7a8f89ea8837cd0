import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { type Gateway, startGateway } from '../../../../../test/support/gateway.js';
import { RowRace } from '../../../../../test/support/row.race.js';
import { TestDatabases } from '../../../../../test/support/test.database.js';
import { CommandLineDatabase } from '../../authorization-code.schema.js';

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

it.each([
  ['deleted', 'delete from users where id = $1'],
  ['disabled', 'update users set disabled_at = 1 where id = $1'],
])('a user who is %s meanwhile gets no code for a command line', async (_what, change) => {
  const session = await gateway.session();
  const answer = await other.during(change, [session.user.id], () =>
    gateway.request('/auth/cli', {
      method: 'POST',
      headers: {
        cookie: session.cookie,
        origin: gateway.configuration.PUBLIC_URL,
        'sec-fetch-site': 'same-origin',
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams({
        redirect_uri: 'http://127.0.0.1:49152/callback',
        code_challenge: 'c'.repeat(43),
        code_challenge_method: 'S256',
        state: 'a-state-of-the-program',
        device: 'laptop',
        session: session.claims.sid,
        decision: 'allow',
      }).toString(),
    }),
  );
  expect([answer.status, answer.text]).toEqual([401, expect.stringContaining('"unauthenticated"')]);
  const { query } = gateway.app.get(CommandLineDatabase, { strict: false });
  expect(await query.selectFrom('authorization_codes').select('code_hash').execute()).toEqual([]);
});
