import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OAuthApp } from '../support/oauth.app.js';
import { OryAdmin } from '../support/ory.admin.js';
import { newPerson, signUp } from '../support/person.js';
import { type Stack, startStack } from '../support/stack.js';
import { UserAgent } from '../support/user-agent.js';

let stack: Stack;
let ory: OryAdmin;

beforeAll(async () => {
  stack = await startStack();
  ory = new OryAdmin(stack.env);
});

afterAll(async () => {
  await stack?.stop();
});

/** A browser with a live Kratos session and no session of ours. */
async function knownToKratos(): Promise<UserAgent> {
  const agent = new UserAgent(stack.url);
  await signUp(agent, newPerson());
  await agent.jar.setCookie('vestibule=; Max-Age=0; Path=/', stack.url);
  expect((await agent.fetch('/auth/session')).status).toBe(401);
  return agent;
}

async function expectNobody(agent: UserAgent): Promise<void> {
  expect(await agent.cookie('vestibule')).toBeUndefined();
  expect((await agent.fetch('/auth/session')).status).toBe(401);
}

const ways: readonly [string, (agent: UserAgent) => Promise<void>][] = [
  ['whose Kratos session was revoked', async (agent) => ory.endSessionOf(agent)],
  ['whose identity was disabled', async (agent) => ory.disableIdentityOf(agent)],
];

describe.each(ways)('a person %s', (_case, end) => {
  it('before the login challenge: is asked to log in', async () => {
    const agent = await knownToKratos();
    const challenge = await agent.followUntil('/auth/login', (next) =>
      next.searchParams.has('login_challenge'),
    );
    await end(agent);
    const page = await agent.navigate(challenge.href);
    expect(new URL(page.url).pathname).toBe('/ui/login');
    await expectNobody(agent);
  });

  it('between login and consent: gets a page about it, and no session', async () => {
    const agent = await knownToKratos();
    const consent = await agent.followUntil('/auth/login', (next) =>
      next.searchParams.has('consent_challenge'),
    );
    await end(agent);
    const page = await agent.navigate(consent.href);
    // The gateway's own login is judged once more after its token was issued (step 9).
    expect(page.status).toBe(401);
    expect(page.html().querySelector('code')?.text).toBe('access_token_rejected');
    await expectNobody(agent);
  });

  it('between login and consent of another application: gets a page about it, and the application nothing', async () => {
    const agent = await knownToKratos();
    const consent = await agent.followUntil(OAuthApp.spa(stack.url).authorize().path, (next) =>
      next.searchParams.has('consent_challenge'),
    );
    await end(agent);
    const page = await agent.navigate(consent.href);
    expect(page.status).toBe(403);
    expect(page.html().querySelector('code')?.text).toBe('challenge_rejected');
  });

  it('between consent and callback: gets a page about it, and no session', async () => {
    const agent = await knownToKratos();
    const callback = await agent.followUntil('/auth/login', (next) => next.pathname === '/auth/callback');
    await end(agent);
    const page = await agent.navigate(callback.href);
    expect(page.status).toBe(401);
    expect(page.html().querySelector('code')?.text).toBe('access_token_rejected');
    await expectNobody(agent);
  });

  it('between the access token and POST /auth/login: 401 and no session', async () => {
    const agent = await knownToKratos();
    const { access_token } = await OAuthApp.spa(stack.url).login(agent);
    await end(agent);
    const answer = await agent.post('/auth/login', { accessToken: access_token });
    expect(answer.status).toBe(401);
    expect(answer.json()).toMatchObject({ code: 'access_token_rejected' });
    await expectNobody(agent);
  });
});

it('a change of the profile puts off no question to Kratos', async () => {
  const agent = new UserAgent(stack.url);
  await signUp(agent, newPerson());
  await ory.endSessionOf(agent);
  expect((await agent.send('PATCH', '/api/v1/me', { name: 'Countess' })).status).toBe(200);
  expect((await agent.fetch('/auth/session')).status).toBe(401);
});

it('a user who logged out at the gateway cannot use the earlier access token', async () => {
  const agent = new UserAgent(stack.url);
  await signUp(agent, newPerson());
  const { access_token } = await OAuthApp.spa(stack.url).login(agent);
  await agent.post('/auth/logout', {});
  expect((await agent.post('/auth/login', { accessToken: access_token })).status).toBe(401);
  await expectNobody(agent);
});
