import { afterAll, beforeAll, expect, it } from 'vitest';
import { recordFault } from '../../support/fault.record.js';
import { timed } from '../../support/timed.js';
import { logIn, newPerson, signUp } from '../../support/person.js';
import { rawRequest } from '../../support/raw.request.js';
import { type Stack, startStack, waitUntil } from '../../support/stack.js';
import { UserAgent, formOf } from '../../support/user-agent.js';

const networks = 64;
const atOnceOfEach = 4;
const honestLogins = 7;
const person = newPerson();
let stack: Stack;

beforeAll(async () => {
  // Without limits: what they let through of so many networks is as good as everything.
  stack = await startStack({ env: { TRUST_PROXY: 'loopback', RATE_LIMIT: 'false' } });
  await signUp(new UserAgent(stack.url), person);
});

afterAll(async () => {
  await stack?.stop();
});

const median = (times: readonly number[]): number =>
  times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN;

/** Wrong passwords from many networks, without an end: each network sends as many at once. */
class Flood {
  readonly times: number[] = [];
  readonly #lanes: Promise<void>[] = [];
  #isOver = false;

  async begin(): Promise<void> {
    for (let network = 0; network < networks; network += 1) {
      const agent = new UserAgent(stack.url);
      const page = await agent.navigate('/auth/login');
      const { action, body } = formOf(page, {
        identifier: `nobody${network}@example.test`,
        password: 'wrong guess',
      });
      const cookie = await agent.jar.getCookieString(stack.url);
      for (let lane = 0; lane < atOnceOfEach; lane += 1) {
        this.#lanes.push(this.#guess(action, body.toString(), cookie, `2001:db8:${network.toString(16)}::1`));
      }
    }
    await waitUntil(() => this.times.length > networks, 'the flood to flow', 60_000);
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#lanes);
  }

  async #guess(action: string, body: string, cookie: string, address: string): Promise<void> {
    const { pathname, search } = new URL(action, stack.url);
    const headers = {
      cookie,
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'text/html',
      origin: stack.url,
      'x-forwarded-for': address,
    };
    while (!this.#isOver) {
      const path = pathname + search;
      const { value, ms } = await timed(async () =>
        rawRequest(stack.url, { method: 'POST', path, headers, body }),
      );
      await value.text();
      this.times.push(ms);
    }
  }
}

it(
  'guesses from 64 networks at once wait for each other, and a login from elsewhere for none of them [W20]',
  { timeout: 600_000 },
  async () => {
    const holder = new UserAgent(stack.url);
    await logIn(holder, person);
    const login = async (): Promise<number> => {
      const agent = new UserAgent(stack.url);
      const { ms } = await timed(async () => logIn(agent, person));
      expect((await agent.fetch('/auth/session')).status).toBe(200);
      return ms;
    };
    const alone = median([await login(), await login(), await login()]);
    const flood = new Flood();
    await flood.begin();
    const from = flood.times.length;
    const honest: number[] = [];
    const guarded: number[] = [];
    for (let count = 0; count < honestLogins; count += 1) {
      honest.push(await login());
      const { value, ms } = await timed(async () => holder.fetch('/api/v1/me'));
      expect(value.status).toBe(200);
      guarded.push(ms);
    }
    const waited = median(flood.times.slice(from));
    await flood.end();
    recordFault('overload', {
      what: '64 networks guess passwords',
      aloneMs: alone,
      honestMs: median(honest),
      floodMs: waited,
      guardedMs: median(guarded),
    });
    // A login is a dozen requests, one of them a hash. In line behind the flood it would take longer than one of its guesses does.
    expect(median(honest)).toBeLessThan(waited);
    // A second; more only on a machine where a login takes long without any flood, as beside many other tests.
    expect(median(honest)).toBeLessThanOrEqual(Math.max(1000, 6 * alone));
    expect(median(guarded)).toBeLessThan(waited / 5);
  },
);
