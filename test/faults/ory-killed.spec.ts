import { afterAll, beforeAll, expect, it } from 'vitest';
import { recordFault } from '../support/fault.record.js';
import { timed } from '../support/timed.js';
import { readHealth } from '../support/health.js';
import { startLoad } from '../support/load.js';
import { newPerson, signUp } from '../support/person.js';
import { type Stack, startStack, waitUntil } from '../support/stack.js';
import { UserAgent } from '../support/user-agent.js';

let stack: Stack;
let agent: UserAgent;

beforeAll(async () => {
  stack = await startStack();
  agent = new UserAgent(stack.url);
  await signUp(agent, newPerson());
});

afterAll(async () => {
  await stack?.stop();
});

it(
  'an embedded child that is killed three times: started again, later each time, the gateway degraded meanwhile, and no guarded request fails [F16]',
  { timeout: 120_000 },
  async () => {
    const load = startLoad(4, async () => {
      const { status } = await agent.fetch('/api/v1/me');
      return status === 200 ? undefined : String(status);
    });
    const { kratos } = stack.ory.children;
    const pauses: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      const pid = kratos.pid;
      kratos.kill('SIGKILL');
      await waitUntil(async () => (await readHealth(stack.url)).status === 'degraded', 'the loss to be seen');
      const { ms } = await timed(async () =>
        waitUntil(() => kratos.pid !== undefined && kratos.pid !== pid, 'a new process'),
      );
      pauses.push(ms);
      await waitUntil(
        async () => (await readHealth(stack.url)).status === 'ok',
        'it to be well again',
        10_000,
      );
    }
    const report = await load.stop();
    expect(report.failures).toEqual([]);
    expect(report.requests).toBeGreaterThan(50);
    // 0.25, 0.5 and 1 second, less what passed until the loss was seen.
    expect(pauses[2]).toBeGreaterThan((pauses[0] ?? 0) + 250);
    recordFault('F16', {
      pausesMs: pauses.join(', '),
      requests: report.requests,
      failed: report.failures.length,
    });
  },
);
