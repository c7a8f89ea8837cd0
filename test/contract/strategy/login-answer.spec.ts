import { expect } from 'vitest';
import { expectRefusal, strategyContract } from '../../support/contract.suite.js';
import { UserAgent } from '../../support/user-agent.js';

strategyContract('login-answer', ({ row, party, gateway }) => {
  /** A browser that holds the provider's answer and hasn't delivered it. */
  async function answered(agent = new UserAgent(gateway().url)): Promise<{ agent: UserAgent; answer: URL }> {
    return { agent, answer: await party().answer(agent, await party().side.enrol()) };
  }

  row('an answer without state is refused', async () => {
    const { agent, answer } = await answered();
    answer.searchParams.delete('state');
    await expectRefusal(agent, await agent.navigate(answer.href), 403, 'login_state_invalid');
  });

  row('an answer with an unknown state is refused', async () => {
    const { agent, answer } = await answered();
    answer.searchParams.set('state', 'x'.repeat(43));
    await expectRefusal(agent, await agent.navigate(answer.href), 403, 'login_state_invalid');
  });

  row('an answer that was taken once is refused', async () => {
    const { agent, answer } = await answered();
    const kept = await agent.jar.clone();
    expect((await agent.navigate(answer.href)).url).toBe(`${gateway().url}/`);
    expect((await agent.fetch('/auth/session')).status).toBe(200);
    const replay = new UserAgent(gateway().url);
    for (const cookie of await kept.getCookies(gateway().url)) {
      await replay.jar.setCookie(cookie, gateway().url);
    }
    await expectRefusal(replay, await replay.navigate(answer.href), 403, 'login_state_invalid');
  });

  row('an answer that another browser brings is refused', async () => {
    const { agent, answer } = await answered();
    const thief = new UserAgent(gateway().url);
    await expectRefusal(thief, await thief.navigate(answer.href), 403, 'login_state_invalid');
    // A thief that has a login of its own under way, with the victim's code in it, has no better luck.
    const own = await answered(thief);
    own.answer.searchParams.set('code', answer.searchParams.get('code') ?? '');
    await expectRefusal(thief, await thief.navigate(own.answer.href), 403, 'login_refused');
    expect(await agent.cookie('vestibule')).toBeUndefined();
  });

  row('an answer with another issuer in it is refused', async () => {
    for (const issuer of ['https://evil.example.test', '']) {
      const { agent, answer } = await answered();
      answer.searchParams.set('iss', issuer);
      await expectRefusal(agent, await agent.navigate(answer.href), 403, 'login_refused');
    }
  });

  const takesAnswerWithoutIssuer = async (isSent: boolean): Promise<void> => {
    const { agent, answer } = await answered();
    expect(answer.searchParams.has('iss')).toBe(isSent);
    answer.searchParams.delete('iss');
    await agent.navigate(answer.href);
    expect((await agent.fetch('/auth/session')).status).toBe(200);
  };
  row(
    'an answer without the issuer is refused',
    async () => {
      const { agent, answer } = await answered();
      expect(answer.searchParams.has('iss')).toBe(true);
      answer.searchParams.delete('iss');
      await expectRefusal(agent, await agent.navigate(answer.href), 403, 'login_refused');
    },
    { ory: () => takesAnswerWithoutIssuer(true), auth0: () => takesAnswerWithoutIssuer(false) },
  );

  row('a code that was used is refused', async () => {
    const first = await answered();
    await first.agent.navigate(first.answer.href);
    expect((await first.agent.fetch('/auth/session')).status).toBe(200);
    const second = await answered();
    second.answer.searchParams.set('code', first.answer.searchParams.get('code') ?? '');
    const page = await second.agent.navigate(second.answer.href);
    await expectRefusal(second.agent, page, 403, 'login_refused');
  });

  row('a code that somebody else obtained is refused', async () => {
    const attacker = await answered();
    const victim = await answered();
    victim.answer.searchParams.set('code', attacker.answer.searchParams.get('code') ?? '');
    const page = await victim.agent.navigate(victim.answer.href);
    await expectRefusal(victim.agent, page, 403, 'login_refused');
  });
});
