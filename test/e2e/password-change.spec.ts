import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { promote } from '../support/administrator.js';
import { type Person, logIn, newPerson, signUp } from '../support/person.js';
import { type Stack, startStack } from '../support/stack.js';
import { type Page, UserAgent } from '../support/user-agent.js';

/** Seconds after which a token is over, and its session is asked for at Kratos. */
const afterTokenTtl = 700;
let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
});

afterEach(() => {
  stack.shiftClock(0);
});

afterAll(async () => {
  await stack?.stop();
});

/** Somebody who is logged in twice. */
async function loggedInTwice(): Promise<{ person: Person; here: UserAgent; elsewhere: UserAgent }> {
  const person = newPerson();
  const [here, elsewhere] = [new UserAgent(stack.url), new UserAgent(stack.url)];
  await signUp(here, person);
  await logIn(elsewhere, person);
  expect(await statusesOf(elsewhere)).toEqual({ here: 200, kratos: 200 });
  return { person, here, elsewhere };
}

async function statusesOf(agent: UserAgent): Promise<{ here: number; kratos: number }> {
  const [here, kratos] = [await agent.fetch('/api/v1/me'), await agent.fetch('/ory/kratos/sessions/whoami')];
  return { here: here.status, kratos: kratos.status };
}

async function choosePassword(agent: UserAgent, settings: Page, password: string): Promise<void> {
  const page = await agent.submit(settings, { password }, { name: 'method', value: 'password' });
  expect([page.status, new URL(page.url).pathname]).toEqual([200, '/ui/settings']);
}

/** A link and a code for somebody who has lost the password, from an administrator. */
async function recoveryOf(agent: UserAgent): Promise<{ code: string; url: string }> {
  const idOf = async (who: UserAgent): Promise<string> =>
    z
      .looseObject({ user: z.looseObject({ id: z.string() }) })
      .parse((await who.fetch('/auth/session')).json()).user.id;
  const admin = new UserAgent(stack.url);
  await signUp(admin, newPerson());
  await promote(stack.app(), await idOf(admin));
  await admin.navigate('/auth/login');
  const answer = await admin.fetch(`/api/v1/users/${await idOf(agent)}/recovery`, {
    method: 'POST',
    headers: { origin: stack.url },
  });
  return z.looseObject({ code: z.string(), url: z.string() }).parse(answer.json());
}

describe('other sessions of an account', () => {
  it('are over when the password is changed; the one that changed it goes on', async () => {
    const { person, here, elsewhere } = await loggedInTwice();
    const password = `another ${person.password}`;
    await choosePassword(here, await here.navigate('/ui/settings'), password);
    expect((await statusesOf(elsewhere)).kratos).toBe(401);
    stack.shiftClock(afterTokenTtl);
    expect([await statusesOf(elsewhere), await statusesOf(here)]).toEqual([
      { here: 401, kratos: 401 },
      { here: 200, kratos: 200 },
    ]);
    stack.shiftClock(0);
    await logIn(elsewhere, { email: person.email, password });
    expect(await statusesOf(elsewhere)).toEqual({ here: 200, kratos: 200 });
  });

  it('end as soon as a recovery code is used', async () => {
    const { here, elsewhere } = await loggedInTwice();
    const { code, url } = await recoveryOf(here);
    const agent = new UserAgent(stack.url);
    const settings = await agent.submit(
      await agent.navigate(url),
      { code },
      { name: 'method', value: 'code' },
    );
    expect(new URL(settings.url).pathname).toBe('/ui/settings');
    expect([(await statusesOf(elsewhere)).kratos, (await statusesOf(here)).kratos]).toEqual([401, 401]);
    stack.shiftClock(afterTokenTtl);
    expect([(await statusesOf(elsewhere)).here, (await statusesOf(here)).here]).toEqual([401, 401]);
  });

  it('continue when only the name is changed', async () => {
    const { here, elsewhere } = await loggedInTwice();
    const settings = await here.navigate('/ui/settings');
    await here.submit(settings, { 'traits.name': 'Another Name' }, { name: 'method', value: 'profile' });
    stack.shiftClock(afterTokenTtl);
    expect(await statusesOf(elsewhere)).toEqual({ here: 200, kratos: 200 });
  });
});
