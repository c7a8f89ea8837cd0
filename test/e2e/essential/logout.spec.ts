import { afterAll, beforeAll, expect, it } from 'vitest';
import { logIn, newPerson, signUp } from '../../support/person.js';
import { OryAdmin } from '../../support/ory.admin.js';
import { type Stack, startStack } from '../../support/stack.js';
import { UserAgent } from '../../support/user-agent.js';

const person = newPerson();
let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
  await signUp(new UserAgent(stack.url), person);
});

afterAll(async () => {
  await stack?.stop();
});

async function loggedIn(): Promise<UserAgent> {
  const agent = new UserAgent(stack.url);
  await logIn(agent, person);
  expect((await agent.fetch('/auth/session')).status).toBe(200);
  return agent;
}

it('the button on the account page logs out: back at the welcome page, no cookie, no session at Kratos', async () => {
  const agent = await loggedIn();
  const account = await agent.navigate('/');
  const form = account.html().querySelector('form[action="/auth/logout"]');
  expect(form?.getAttribute('method')?.toLowerCase()).toBe('post');
  const page = await agent.navigate('/auth/logout', { method: 'POST', body: new URLSearchParams() });
  expect(page.url).toBe(`${stack.url}/`);
  expect(page.html().querySelector('a[href^="/auth/login"]')).not.toBeNull();
  expect(await agent.cookie('vestibule')).toBeUndefined();
  expect((await agent.fetch('/ory/kratos/sessions/whoami')).status).toBe(401);
});

it('a JSON logout has no URL to go to, and the next login asks for the password', async () => {
  const agent = await loggedIn();
  const answer = await agent.post('/auth/logout', {});
  expect(answer.status).toBe(200);
  expect(answer.json()).toEqual({ logoutUrl: null });
  expect(answer.headers.get('cache-control')).toBe('no-store');
  const login = await agent.navigate('/auth/login');
  expect(new URL(login.url).pathname).toBe('/ui/login');
});

it('logout without a body is a logout', async () => {
  const agent = await loggedIn();
  const answer = await agent.fetch('/auth/logout', { method: 'POST', headers: { origin: stack.url } });
  expect(answer.status).toBe(200);
  expect((await agent.fetch('/auth/session')).status).toBe(401);
});

it('a cookie that was kept from before the logout is refused', async () => {
  const agent = await loggedIn();
  const kept = await agent.cookie('vestibule');
  await agent.post('/auth/logout', {});
  const replayed = await fetch(`${stack.url}/auth/session`, { headers: { cookie: `vestibule=${kept}` } });
  expect(replayed.status).toBe(401);
});

it('a cookie that was kept from before the logout is refused by a gateway that was started after it', async () => {
  const agent = await loggedIn();
  const kept = await agent.cookie('vestibule');
  await agent.post('/auth/logout', {});
  await stack.restartGateway();
  const replayed = await fetch(`${stack.url}/auth/session`, { headers: { cookie: `vestibule=${kept}` } });
  expect(replayed.status).toBe(401);
});

it('a logout ends this session and not the same user’s sessions elsewhere', async () => {
  const [here, elsewhere] = [await loggedIn(), await loggedIn()];
  await here.post('/auth/logout', {});
  expect((await elsewhere.fetch('/auth/session')).status).toBe(200);
  expect((await elsewhere.fetch('/ory/kratos/sessions/whoami')).status).toBe(200);
});

it('a visitor may log out, twice, and after Kratos ended the session', async () => {
  const visitor = new UserAgent(stack.url);
  expect((await visitor.post('/auth/logout', {})).status).toBe(200);
  const agent = await loggedIn();
  await new OryAdmin(stack.env).endSessionOf(agent);
  expect((await agent.post('/auth/logout', {})).status).toBe(200);
  expect((await agent.post('/auth/logout', {})).status).toBe(200);
  expect((await agent.fetch('/auth/session')).status).toBe(401);
});

it('logout by GET is 405 with Allow, and the session goes on [L02]', async () => {
  const agent = await loggedIn();
  for (const answer of [await agent.fetch('/auth/logout'), await agent.navigate('/auth/logout')]) {
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('POST');
    expect(answer.headers.getSetCookie()).toEqual([]);
  }
  expect((await agent.fetch('/auth/session')).status).toBe(200);
});
