import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { newPerson, signUp } from '../support/person.js';
import { type Stack, startStack } from '../support/stack.js';
import { UserAgent } from '../support/user-agent.js';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
});

afterEach(() => {
  vi.useRealTimers();
});

afterAll(async () => {
  await stack?.stop();
});

it('a login while the clock here is hours ahead of the provider’s reports it, and works once it is right again', async () => {
  const agent = new UserAgent(stack.url);
  await signUp(agent, newPerson());
  await agent.jar.setCookie('vestibule=; Max-Age=0; Path=/', stack.url);

  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 7_200_000 });
  const page = await agent.navigate('/auth/login');
  expect(page.status).toBe(503);
  expect(page.html().querySelector('code')?.text).toBe('clocks_differ');
  expect(page.html().querySelector('h1')?.text).toMatch(/clocks/);
  expect((await agent.fetch('/auth/session')).status).toBe(401);
  const id = page.html().querySelectorAll('dd code').at(1)?.text ?? '(none)';
  expect(stack.log.some((line) => line.includes(id) && line.includes('id_token_time'))).toBe(true);

  vi.useRealTimers();
  expect((await agent.navigate('/auth/login')).url).toBe(`${stack.url}/`);
  expect((await agent.fetch('/auth/session')).status).toBe(200);
});
