import { expect } from 'vitest';
import { strategyContract } from '../../../../support/contract.suite.js';
import { waitUntil } from '../../../../support/stack.js';
import { UserAgent } from '../../../../support/user-agent.js';

/** Users who log in again and again. */
const lanes = 4;
/** Logins before, between and after the rotations. */
const logins = 8;
const limit = 60_000;

strategyContract('extended/undisturbed/key-rotation', ({ row, party, gateway }) => {
  row('a provider that rotates its keys under a load of logins refuses nobody', async () => {
    const { side } = party();
    const members = await Promise.all(Array.from({ length: lanes }, () => side.enrol()));
    const outcomes: string[] = [];
    const end = new AbortController();
    const load = members.map(async (member) => {
      while (!end.signal.aborted) {
        const page = await party().logIn(new UserAgent(gateway().url), member);
        outcomes.push(`${page.status} ${new URL(page.url).pathname}`);
      }
    });
    const moreLogins = async (): Promise<void> => {
      const enough = outcomes.length + logins;
      await waitUntil(() => outcomes.length >= enough, `${logins} logins`, limit);
    };
    try {
      await moreLogins();
      // One soon after the other: the second comes while the keys have just been fetched for the first.
      for (let rotation = 1; rotation <= 3; rotation += 1) {
        const fetches = side.countKeyFetches();
        await side.rotateKeys();
        await waitUntil(() => side.countKeyFetches() > fetches, 'a fetch of the key set', limit);
      }
      await moreLogins();
    } finally {
      end.abort();
      await Promise.all(load);
    }
    const refusals = gateway().log.filter((line) => line.includes('"login_') && line.includes('"reason"'));
    expect({ outcomes: new Set(outcomes), refusals }).toEqual({
      outcomes: new Set(['200 /']),
      refusals: [],
    });
  });

  row('a login that began before a rotation ends after it', async () => {
    const { side } = party();
    const agent = new UserAgent(gateway().url);
    // Hydra writes the id of the key of this moment into the ID token, and signs with the key of the exchange.
    const answer = await party().answer(agent, await side.enrol());
    await side.rotateKeys();
    const page = await agent.navigate(answer.href);
    expect(`${page.status} ${new URL(page.url).pathname}`).toBe('200 /');
  });

  row('an application’s tokens are taken at once when the provider has rotated its keys', async () => {
    const { side } = party();
    const member = await side.enrol();
    for (let rotation = 1; rotation <= 2; rotation += 1) {
      await side.rotateKeys();
      const { access_token: accessToken } = await party().tokens(new UserAgent(gateway().url), member);
      expect((await new UserAgent(gateway().url).post('/auth/login', { accessToken })).status).toBe(200);
    }
  });
});
