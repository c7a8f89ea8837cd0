import { afterAll, beforeAll, expect, it } from 'vitest';
import { logIn, newPerson, signUp } from '../support/person.js';
import { landingOf } from '../support/oauth.app.js';
import { type Stack, startStack } from '../support/stack.js';
import { UserAgent } from '../support/user-agent.js';

const person = newPerson();
let stack: Stack;
let agent: UserAgent;

beforeAll(async () => {
  stack = await startStack();
  agent = new UserAgent(stack.url);
});

afterAll(async () => {
  await stack?.stop();
});

it('registration comes back to the path that it was started for', async () => {
  const page = await signUp(agent, person, '/docs?from=signup');
  expect(page.url).toBe(`${stack.url}/docs?from=signup`);
});

it('login comes back to the path that it was started for', async () => {
  const page = await logIn(new UserAgent(stack.url), person, '/docs?from=login&x=%20y#part');
  expect(page.url).toBe(`${stack.url}/docs?from=login&x=%20y#part`);
});

it('a guarded page sends a visitor to login and back afterwards', async () => {
  const visitor = new UserAgent(stack.url);
  const page = await visitor.navigate('/api/v1/me?x=1');
  expect(new URL(page.url).pathname).toBe('/ui/login');
  const after = await visitor.submit(page, { identifier: person.email, password: person.password });
  expect(after.url).toBe(`${stack.url}/api/v1/me?x=1`);
  expect(after.json()).toMatchObject({ email: person.email });
});

/** One of each kind; `src/platform/http/return-target.spec.ts` has them all. */
const hostile = [
  '//evil.example',
  '/\\evil.example',
  '/\t/evil.example',
  '/%2f%2fevil.example',
  '/%255Cevil.example',
  '/docs/..//evil.example',
  'https://evil.example',
  'user@evil.example',
  'javascript:alert(1)',
  '/docs\r\nset-cookie: planted=1',
  '/docs%0d%0aset-cookie:%20planted=1',
  '',
  '/auth/login?return_to=/auth/login',
  `/${'a'.repeat(3000)}`,
];

it.each(hostile)('return_to %j ends at / [W01]', async (target) => {
  const page = await agent.navigate(`/auth/login?${new URLSearchParams({ return_to: target })}`);
  expect(page.url).toBe(`${stack.url}/`);
  expect(page.status).toBe(200);
  expect(await agent.cookie('planted')).toBeUndefined();
});

it('return_to given twice ends at /', async () => {
  const page = await agent.navigate('/auth/login?return_to=/docs&return_to=//evil.example');
  expect(page.url).toBe(`${stack.url}/`);
});

it.each(['//evil.example', 'https://evil.example', '/\\evil.example'])(
  'a login page opened with return_to %j never leads there',
  async (target) => {
    const visitor = new UserAgent(stack.url);
    let page = await visitor.navigate(`/ui/login?${new URLSearchParams({ return_to: target })}`);
    if (new URL(page.url).pathname === '/ui/login') {
      page = await visitor.submit(page, { identifier: person.email, password: person.password });
    }
    expect(landingOf(page).origin).toBe(stack.url);
  },
);
