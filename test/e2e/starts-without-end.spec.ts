import { join } from 'node:path';
import Sqlite from 'libsql';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Stack, startStack } from '../support/stack.js';
import { UserAgent } from '../support/user-agent.js';

/** What an address may start. A login that is followed to its page starts three things: itself, Hydra's request and Kratos' flow. */
const allowed = 90;
let stack: Stack;

beforeAll(async () => {
  stack = await startStack({
    ownOry: true,
    env: { RATE_LIMIT: 'true', RATE_LIMIT_POLICIES: `start-address=${allowed}/5m` },
  });
});

afterAll(async () => {
  await stack?.stop();
});

/** Rows of Kratos' logins or Hydra's requests. */
function rowsOf(name: 'kratos' | 'hydra', table: string): number {
  const sqlite = new Sqlite(join(stack.oryDataDir, 'ory', `${name}.sqlite`), { readonly: true });
  try {
    return Number(Reflect.get(Object(sqlite.prepare(`select count(*) as n from "${table}"`).get()), 'n'));
  } finally {
    sqlite.close();
  }
}

it('300 logins that are begun and not followed leave no more rows than the limit allows', async () => {
  const before = rowsOf('kratos', 'selfservice_login_flows');
  const statuses: number[] = [];
  for (let count = 0; count < 300; count += 1) {
    const page = await new UserAgent(stack.url).request('/auth/login', {
      headers: { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
    });
    statuses.push(page.status);
  }
  const flows = rowsOf('kratos', 'selfservice_login_flows') - before;
  expect(flows).toBe(allowed / 3);
  expect(rowsOf('hydra', 'hydra_oauth2_flow')).toBe(0);
  expect(statuses.filter((status) => status === 302)).toHaveLength(allowed / 3);
  expect(statuses.slice(allowed / 3)).toEqual(Array.from({ length: 300 - allowed / 3 }, () => 429));
});
