import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { recordFault } from '../support/fault.record.js';
import { logIn, newPerson, signUp } from '../support/person.js';
import { type Stack, startStack } from '../support/stack.js';
import { UserAgent } from '../support/user-agent.js';

const person = newPerson();
let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
  await signUp(new UserAgent(stack.url), person);
});

afterEach(() => {
  vi.useRealTimers();
});

afterAll(async () => {
  await stack?.stop();
});

/** The process' own clock, as libraries see it too. */
function stepClock(seconds: number): void {
  vi.useRealTimers();
  if (seconds !== 0) {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1000 });
  }
}

it.each([300, -300])(
  'the clock steps by %d s and back: no session is lost, a login works at either time, and a logout holds [F11]',
  { timeout: 60_000 },
  async (seconds) => {
    const before = new UserAgent(stack.url);
    const leaver = new UserAgent(stack.url);
    await logIn(before, person);
    await logIn(leaver, person);
    const statuses: number[] = [];
    const check = async (agent: UserAgent): Promise<void> => {
      statuses.push((await agent.fetch('/api/v1/me')).status);
    };
    stepClock(seconds);
    await check(before);
    const during = new UserAgent(stack.url);
    await logIn(during, person);
    await check(during);
    const cookie = `vestibule=${await leaver.cookie('vestibule')}`;
    expect((await leaver.post('/auth/logout', {})).status).toBe(200);
    stepClock(0);
    await check(before);
    await check(during);
    stepClock(seconds);
    await check(during);
    // A token of a later time isn't live yet (RFC 7519 section 4.1.5): its session is renewed.
    expect(statuses).toEqual([200, 200, 200, 200, 200]);
    expect((await fetch(`${stack.url}/api/v1/me`, { headers: { cookie } })).status).toBe(401);
    recordFault('F11', { seconds, statuses: statuses.join(', ') });
  },
);
