import { afterEach, expect } from 'vitest';
import { expectNobody, expectRefusal, strategyContract } from '../../support/contract.suite.js';
import type { IdTokenFault } from '../../support/openid.keys.js';
import { UserAgent } from '../../support/user-agent.js';

strategyContract('id-token', ({ row, party, gateway }) => {
  afterEach(() => {
    party().side.wire.reset();
  });

  async function expectRefused(fault: IdTokenFault): Promise<void> {
    const agent = new UserAgent(gateway().url);
    const answer = await party().answer(agent, await party().side.enrol());
    party().side.tamperIdToken(fault);
    await expectRefusal(agent, await agent.navigate(answer.href), 403, 'login_refused');
  }

  row('an unsigned ID token is refused', () => expectRefused('alg-none'));
  row('an ID token of another audience is refused', async () => {
    const agent = new UserAgent(gateway().url);
    const member = await party().side.enrol();
    const start = new URL((await agent.request('/auth/login')).headers.get('location') ?? '');
    const answer = await party().answer(agent, member, start.href);
    // Genuine, of the same person and with the right nonce, but given to another client.
    const nonce = start.searchParams.get('nonce') ?? '';
    const app = await party().tokens(new UserAgent(gateway().url), member, undefined, undefined, { nonce });
    party().side.replaceIdToken(app.id_token ?? expect.fail());
    await expectRefusal(agent, await agent.navigate(answer.href), 403, 'login_refused');
  });
  row('an ID token with a bad signature is refused', () => expectRefused('bad-signature'));
  row('an ID token with an unknown key id is refused', () => expectRefused('unknown-kid'));

  row('a person other than the ID token’s is refused', async () => {
    const victim = await party().side.enrol();
    const agent = new UserAgent(gateway().url);
    const answer = await party().answer(agent, await party().side.enrol());
    party().side.swapSubject(victim.credentials['login'] ?? crypto.randomUUID());
    const page = await agent.navigate(answer.href);
    expect([page.status, page.html().querySelector('code')?.text]).toEqual([403, 'login_refused']);
    await expectNobody(agent);
    // The same for an application's access token.
    party().side.wire.reset();
    const { access_token: accessToken } = await party().tokens(
      new UserAgent(gateway().url),
      await party().side.enrol(),
    );
    party().side.swapSubject(victim.credentials['login'] ?? crypto.randomUUID());
    const login = await agent.post('/auth/login', { accessToken });
    expect([401, 403]).toContain(login.status);
    await expectNobody(agent);
  });
});
