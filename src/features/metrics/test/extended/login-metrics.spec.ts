import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { increase, readMetrics } from '../../../../../test/support/metrics.reader.js';
import { newPerson, signUp } from '../../../../../test/support/person.js';
import { type Stack, startStack } from '../../../../../test/support/stack.js';
import { UserAgent } from '../../../../../test/support/user-agent.js';

describe('metrics of logins', () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack({ env: { METRICS: 'on' } });
  });

  afterAll(async () => {
    await stack?.stop();
  });

  const read = async () => readMetrics(await (await fetch(`${stack.url}/metrics`)).text());

  it('count exactly what happened: a login, a renewal, a logout', async () => {
    const person = newPerson();
    const agent = new UserAgent(stack.url);
    const start = await read();
    await signUp(agent, person);
    const afterLogin = await read();
    expect(increase(start, afterLogin)).toMatchObject({
      'vestibule_logins_total{outcome="succeeded",provider="ory"}': 1,
    });
    expect(afterLogin.get('vestibule_session_cookie_bytes_count')).toBe(1);
    for (const upstream of ['kratos', 'hydra', 'database']) {
      const series = `vestibule_upstream_request_duration_seconds_count{upstream="${upstream}"}`;
      expect(afterLogin.get(series)).toBeGreaterThan(start.get(series) ?? 0);
    }
    stack.shiftClock(11 * 60);
    expect((await agent.fetch('/auth/session')).status).toBe(200);
    const afterRenewal = await read();
    expect(increase(afterLogin, afterRenewal)).toMatchObject({
      'vestibule_renewals_total{outcome="confirmed"}': 1,
    });
    expect(afterRenewal.get('vestibule_session_cookie_bytes_count')).toBe(2);
    expect((await agent.fetch('/auth/logout', { method: 'POST' })).status).toBeLessThan(400);
    const end = await read();
    expect(increase(afterRenewal, end)).toMatchObject({ 'vestibule_revocations_total{kind="session"}': 1 });
    expect(increase(start, end)).not.toHaveProperty(
      'vestibule_logins_total{outcome="failed",provider="ory"}',
    );
  });
});
