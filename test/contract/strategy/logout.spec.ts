import { afterEach, expect } from 'vitest';
import { expectNobody, fieldOf, strategyContract } from '../../support/contract.suite.js';
import { sendForm, travel } from '../../support/travel.js';
import { UserAgent } from '../../support/user-agent.js';

strategyContract('logout', ({ row, party, gateway }) => {
  afterEach(() => {
    gateway().shiftClock(0);
  });

  async function loggedIn(): Promise<UserAgent> {
    const agent = new UserAgent(gateway().url);
    await party().logIn(agent, await party().side.enrol());
    expect((await agent.fetch('/auth/session')).status).toBe(200);
    return agent;
  }

  /** Whether the provider wants credentials for the next login. */
  async function asksAgain(agent: UserAgent): Promise<boolean> {
    const page = await party().ask(agent);
    return page.html().querySelector('input[name=login], input[name=identifier]') !== null;
  }

  row('a logout ends the session here', async () => {
    const agent = await loggedIn();
    const cookie = `vestibule=${await agent.cookie('vestibule')}`;
    expect((await agent.post('/auth/logout', {})).status).toBe(200);
    await expectNobody(agent);
    const replay = await fetch(`${gateway().url}/auth/session`, { headers: { cookie } });
    expect(replay.status).toBe(401);
  });

  row(
    'a logout ends the provider’s session: the next login asks again',
    async () => {
      const agent = await loggedIn();
      const logoutUrl = fieldOf(await agent.post('/auth/logout', {}), 'logoutUrl');
      const { page } = await travel(agent, String(logoutUrl));
      // A provider may ask whether the person really wants to.
      const end = page.url.startsWith(gateway().url) ? page : (await sendForm(agent, page, {})).page;
      expect(end.url).toBe(`${gateway().url}/`);
      expect(await asksAgain(agent)).toBe(true);
    },
    {
      ory: async () => {
        const agent = await loggedIn();
        expect((await agent.post('/auth/logout', {})).json()).toEqual({ logoutUrl: null });
        expect(await asksAgain(agent)).toBe(true);
      },
    },
  );

  row(
    'a user who is disabled at the provider, which sends no logout, is out at the next renewal',
    async () => {
      const [gone, staying] = [new UserAgent(gateway().url), new UserAgent(gateway().url)];
      const members = [await party().side.enrol(), await party().side.enrol()] as const;
      await party().logIn(gone, members[0]);
      await party().logIn(staying, members[1]);
      await party().side.disable(members[0]);
      gateway().shiftClock(700);
      expect((await gone.fetch('/auth/session')).status).toBe(401);
      expect((await staying.fetch('/auth/session')).status).toBe(200);
      expect(await gateway().auditTrail()).toContainEqual(
        expect.objectContaining({ type: 'session_ended', reason: 'provider_session_ended' }),
      );
    },
  );
});
