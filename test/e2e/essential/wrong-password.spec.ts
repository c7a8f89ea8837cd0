import { afterAll, beforeAll, expect, it } from 'vitest';
import { logIn, newPerson, signUp } from '../../support/person.js';
import { type Stack, startStack } from '../../support/stack.js';
import { type Page, UserAgent } from '../../support/user-agent.js';

const person = newPerson();
let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
  await signUp(new UserAgent(stack.url), person);
});

afterAll(async () => {
  await stack?.stop();
});

function alertOf(page: Page): string | undefined {
  return page.html().querySelector('[role=alert]')?.text;
}

async function expectNobody(agent: UserAgent): Promise<void> {
  expect(await agent.cookie('vestibule')).toBeUndefined();
  expect(await agent.cookie('ory_kratos_session')).toBeUndefined();
  expect((await agent.fetch('/auth/session')).status).toBe(401);
}

it('a wrong password shows a message on the login page and logs nobody in', async () => {
  const agent = new UserAgent(stack.url);
  const page = await logIn(agent, { email: person.email, password: 'not the password' });
  expect(page.status).toBe(200);
  expect(new URL(page.url).pathname).toBe('/ui/login');
  expect(alertOf(page)).toMatch(/password/i);
  await expectNobody(agent);
});

it('after a wrong password the same page still takes the right one', async () => {
  const agent = new UserAgent(stack.url);
  const page = await logIn(agent, { email: person.email, password: 'not the password' }, '/docs');
  const after = await agent.submit(page, { identifier: person.email, password: person.password });
  expect(after.url).toBe(`${stack.url}/docs`);
  expect((await agent.fetch('/auth/session')).status).toBe(200);
});

it('an unknown account is answered word by word like a wrong password [W13]', async () => {
  const known = await logIn(new UserAgent(stack.url), { email: person.email, password: 'not the password' });
  const agent = new UserAgent(stack.url);
  const unknown = await logIn(agent, { email: 'nobody@example.org', password: 'not the password' });
  expect(alertOf(unknown)).toBe(alertOf(known));
  expect(unknown.status).toBe(known.status);
  await expectNobody(agent);
});

it.each([
  ['no password', { identifier: person.email, password: '' }],
  ['an e-mail address of 20,000 characters', { identifier: 'a'.repeat(20_000), password: 'x' }],
  ['markup for an e-mail address', { identifier: '"><script>alert(1)</script>', password: 'x' }],
  ['control characters for a password', { identifier: person.email, password: '\u0000\u001B[31m\r\n' }],
])('%s logs nobody in, and is no server error', async (_case, fields) => {
  const agent = new UserAgent(stack.url);
  const page = await agent.submit(await agent.navigate('/auth/login'), fields);
  expect(page.status).toBeLessThan(500);
  expect(page.text).not.toContain('<script>alert');
  await expectNobody(agent);
});

it('a taken e-mail address creates no second account and no session', async () => {
  const agent = new UserAgent(stack.url);
  const page = await signUp(agent, { ...person, password: 'quite another secret' });
  expect(new URL(page.url).pathname).toBe('/ui/registration');
  await expectNobody(agent);
});
