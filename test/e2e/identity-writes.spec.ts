import { afterAll, beforeAll, expect, it } from 'vitest';
import { startLoad } from '../support/load.js';
import { logIn, newPerson, signUp } from '../support/person.js';
import { type Stack, startStack } from '../support/stack.js';
import { UserAgent } from '../support/user-agent.js';

const rounds = 12;
/** Requests that change the name at the same time, all the time. */
const lanes = 4;

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
});

afterAll(async () => {
  await stack?.stop();
});

it('a password that is changed while an intruder keeps changing the name stays changed', async () => {
  const statuses: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const person = newPerson();
    const [owner, intruder] = [new UserAgent(stack.url), new UserAgent(stack.url)];
    await signUp(owner, person);
    await logIn(intruder, person);
    const settings = await owner.navigate('/ui/settings');
    const renaming = startLoad(lanes, async (lane) => {
      await intruder.fetch('/api/v1/me', {
        method: 'PATCH',
        headers: { origin: stack.url, 'content-type': 'application/json' },
        body: JSON.stringify({ name: `Name ${lane}` }),
      });
      return undefined;
    });
    const password = `another ${person.password}`;
    await owner.submit(settings, { password }, { name: 'method', value: 'password' });
    await renaming.stop();
    const later = new UserAgent(stack.url);
    await logIn(later, { email: person.email, password }).catch(() => undefined);
    statuses.push((await later.fetch('/api/v1/me')).status);
  }
  expect(statuses).toEqual(Array.from({ length: rounds }, () => 200));
});
