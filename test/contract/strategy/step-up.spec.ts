import { afterEach, expect } from 'vitest';
import { z } from 'zod';
import { expectNobody, expectRefusal, fieldOf, strategyContract } from '../../support/contract.suite.js';
import { enrolTotp, giveTotp } from '../../support/second.factor.js';
import { waitUntil } from '../../support/stack.js';
import { sendForm, travel } from '../../support/travel.js';
import { type Page, UserAgent } from '../../support/user-agent.js';

const claimsSchema = z.looseObject({ auth_time: z.number(), acr: z.string(), amr: z.array(z.string()) });

strategyContract('step-up', ({ row, party, gateway }) => {
  afterEach(() => {
    party().side.wire.reset();
  });

  /** Opens a step-up. @returns the provider's page, or the last one when it doesn't ask. */
  async function ask(agent: UserAgent, demand: string): Promise<Page> {
    return (await travel(agent, `${gateway().url}/auth/login?${demand}&return_to=/api/v1/me`)).page;
  }

  async function claimsOf(agent: UserAgent): Promise<z.output<typeof claimsSchema>> {
    return claimsSchema.parse(fieldOf(await agent.fetch('/auth/session'), 'claims'));
  }

  function hasForm(page: Page): boolean {
    return page.html().querySelector('form input:not([type=hidden])') !== null;
  }

  row(
    'a login with max_age=0 asks for credentials again, and the session is as new as they are',
    async () => {
      const agent = new UserAgent(gateway().url);
      const member = await party().side.enrol();
      await party().logIn(agent, member);
      const before = await claimsOf(agent);
      // Providers count in whole seconds: within one, a login isn't older than itself.
      await waitUntil(() => Date.now() / 1000 > before.auth_time + 1, 'the next second');
      const page = await ask(agent, 'max_age=0');
      expect(hasForm(page)).toBe(true);
      const end = (await sendForm(agent, page, member.credentials)).page;
      expect([end.status, end.url]).toEqual([200, `${gateway().url}/api/v1/me`]);
      expect((await claimsOf(agent)).auth_time).toBeGreaterThan(before.auth_time);
    },
  );

  row('a login with max_age that is met asks nothing', async () => {
    const agent = new UserAgent(gateway().url);
    await party().logIn(agent, await party().side.enrol());
    const before = await claimsOf(agent);
    const end = await ask(agent, 'max_age=3600');
    expect([end.status, end.url]).toEqual([200, `${gateway().url}/api/v1/me`]);
    expect((await claimsOf(agent)).auth_time).toBe(before.auth_time);
  });

  row('a login that asks nothing is as old as the credentials that the provider remembers', async () => {
    const agent = new UserAgent(gateway().url);
    await party().logIn(agent, await party().side.enrol());
    const before = await claimsOf(agent);
    await waitUntil(() => Date.now() / 1000 > before.auth_time + 1, 'the next second');
    const end = (await travel(agent, `${gateway().url}/auth/login?return_to=/api/v1/me`)).page;
    expect(end.status).toBe(200);
    const after = await claimsOf(agent);
    expect([after.auth_time, after['sid'] === before['sid']]).toEqual([before.auth_time, false]);
  });

  row('a login with an access token that an app brings is no newer than the token', async () => {
    const { access_token: accessToken } = await party().tokens(
      new UserAgent(gateway().url),
      await party().side.enrol(),
    );
    const had = Math.floor(Date.now() / 1000);
    await waitUntil(() => Date.now() / 1000 > had + 1, 'the next second');
    const agent = new UserAgent(gateway().url);
    expect((await agent.post('/auth/login', { accessToken })).status).toBe(200);
    expect((await claimsOf(agent)).auth_time).toBeLessThanOrEqual(had);
  });

  row('a provider that ignores max_age is refused', async () => {
    const member = await party().side.enrol();
    party().side.backdateLogins();
    for (const demand of ['max_age=0', 'max_age=3000']) {
      const agent = new UserAgent(gateway().url);
      const page = await ask(agent, demand);
      const end = (await sendForm(agent, page, member.credentials)).page;
      await expectRefusal(agent, end, 403, 'login_refused');
    }
    const other = new UserAgent(gateway().url);
    const page = await ask(other, 'max_age=7200');
    expect((await sendForm(other, page, member.credentials)).page.status).toBe(200);
  });

  row(
    'a second factor that was asked for is in the session',
    async () => {
      const agent = new UserAgent(gateway().url);
      const member = await party().side.enrol({ secondFactor: true });
      const page = await ask(agent, 'acr_values=aal2');
      const end = (await sendForm(agent, page, member.credentials)).page;
      expect(end.status).toBe(200);
      expect((await claimsOf(agent)).acr).toBe('aal2');
    },
    {
      ory: async () => {
        const member = await party().side.enrol();
        const first = new UserAgent(gateway().url);
        await party().logIn(first, member);
        const secret = await enrolTotp(first);
        const agent = new UserAgent(gateway().url);
        const page = await ask(agent, 'acr_values=aal2');
        const asked = (await sendForm(agent, page, member.credentials)).page;
        await expectNobody(agent);
        expect((await giveTotp(agent, asked, secret)).status).toBe(200);
        expect(await claimsOf(agent)).toMatchObject({
          acr: 'aal2',
          amr: expect.arrayContaining(['otp', 'mfa']),
        });
      },
    },
  );

  row(
    'a provider that ignores acr_values=aal2 is refused',
    async () => {
      const agent = new UserAgent(gateway().url);
      const member = await party().side.enrol();
      const page = await ask(agent, 'acr_values=aal2');
      const end = (await sendForm(agent, page, member.credentials)).page;
      await expectRefusal(agent, end, 403, 'login_refused');
    },
    {
      ory: async () => {
        const agent = new UserAgent(gateway().url);
        const member = await party().side.enrol();
        const page = await ask(agent, 'acr_values=aal2');
        const end = (await sendForm(agent, page, member.credentials)).page;
        expect(end.html().querySelector('main a.button')?.getAttribute('href')).toMatch(/^\/ui\/settings/);
        await expectNobody(agent);
      },
    },
  );
});
