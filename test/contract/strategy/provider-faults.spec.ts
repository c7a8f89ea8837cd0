import { afterEach, expect } from 'vitest';
import { expectNobody, strategyContract } from '../../support/contract.suite.js';
import { waitUntil } from '../../support/stack.js';
import { UserAgent } from '../../support/user-agent.js';
import { timed } from '../../support/timed.js';

strategyContract('provider-faults', ({ row, party, gateway }) => {
  afterEach(() => {
    party().side.wire.reset();
  });

  /** Somebody who is logged in, a login whose answer isn't delivered yet, and an app with an access token. */
  async function underWay() {
    const { enrol } = party().side;
    const member = new UserAgent(gateway().url);
    await party().logIn(member, await enrol());
    const visitor = new UserAgent(gateway().url);
    const answer = await party().answer(visitor, await enrol());
    const app = new UserAgent(gateway().url);
    const { access_token: accessToken } = await party().tokens(new UserAgent(gateway().url), await enrol());
    return {
      member,
      logins: [
        { agent: visitor, start: () => visitor.navigate(answer.href) },
        { agent: app, start: () => app.post('/auth/login', { accessToken }) },
      ],
    };
  }

  async function expectUnavailable(
    member: UserAgent,
    logins: Awaited<ReturnType<typeof underWay>>['logins'],
  ): Promise<void> {
    for (const { agent, start } of logins) {
      const { value: page, ms } = await timed(start);
      expect(page.status).toBe(503);
      expect(ms).toBeLessThan(5000);
      await expectNobody(agent);
    }
    const guarded = await timed(() => member.fetch('/api/v1/me'));
    expect(guarded.value.status).toBe(200);
    expect(guarded.ms).toBeLessThan(1900);
  }

  async function expectLoginWorks(): Promise<void> {
    const agent = new UserAgent(gateway().url);
    await party().logIn(agent, await party().side.enrol());
    expect((await agent.fetch('/auth/session')).status).toBe(200);
  }

  row('a slow provider: logins end with 503 within 3 seconds, sessions go on', async () => {
    const { member, logins } = await underWay();
    party().side.wire.slow(5000);
    await expectUnavailable(member, logins);
    party().side.wire.reset();
    await expectLoginWorks();
  });

  row('a provider that is down: logins end with 503, sessions go on', async () => {
    const { member, logins } = await underWay();
    party().side.wire.down();
    await expectUnavailable(member, logins);
    party().side.wire.reset();
    await expectLoginWorks();
  });

  row('a provider that answers HTML: no session and no 500', async () => {
    const { member, logins } = await underWay();
    party().side.wire.html();
    for (const { agent, start } of logins) {
      expect([401, 403, 503]).toContain((await start()).status);
      await expectNobody(agent);
    }
    expect((await member.fetch('/api/v1/me')).status).toBe(200);
    party().side.wire.reset();
    await expectLoginWorks();
  });

  row('a provider that is down at the start: degraded, and recovers by itself', async () => {
    const member = new UserAgent(gateway().url);
    await party().logIn(member, await party().side.enrol());
    party().side.wire.down();
    await gateway().restart({}, false);
    // Until the first attempt to set the provider up has failed, it may be the first start ever.
    await waitUntil(
      async () => (await gateway().readiness()).status === 'degraded',
      'the set-up to fail',
      10_000,
    );
    expect(await gateway().readiness()).toMatchObject({
      status: 'degraded',
      details: { database: { status: 'up' }, provider: { status: 'degraded' } },
    });
    expect((await member.fetch('/api/v1/me')).status).toBe(200);
    const visitor = new UserAgent(gateway().url);
    expect((await party().ask(visitor)).status).toBe(503);
    await expectNobody(visitor);
    party().side.wire.reset();
    await waitUntil(
      async () => (await gateway().readiness()).status === 'ok',
      'the gateway to recover',
      10_000,
    );
    await expectLoginWorks();
  });
});
