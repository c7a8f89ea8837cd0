import { afterAll, beforeAll, expect, it } from 'vitest';
import { codeOf, landingOf, OAuthApp, tokensOf } from '../support/oauth.app.js';
import { OryAdmin } from '../support/ory.admin.js';
import { logIn, newPerson, signUp } from '../support/person.js';
import { type Stack, startStack } from '../support/stack.js';
import { type Page, UserAgent } from '../support/user-agent.js';

const person = newPerson();
let stack: Stack;
let app: OAuthApp;

beforeAll(async () => {
  stack = await startStack();
  const redirectUri = 'https://calendar.example/back';
  const client = await new OryAdmin(stack.env).createClient({
    client_name: 'Calendar',
    redirect_uris: [redirectUri],
    post_logout_redirect_uris: ['https://calendar.example/bye'],
  });
  app = new OAuthApp(stack.url, client, redirectUri);
  await signUp(new UserAgent(stack.url), person);
});

afterAll(async () => {
  await stack?.stop();
});

/** Somebody who is logged in here and at the application. @returns also the application's ID token. */
async function loggedIn(): Promise<{ agent: UserAgent; idToken: string }> {
  const agent = new UserAgent(stack.url);
  await logIn(agent, person);
  const { path, verifier } = app.authorize({ audience: undefined, scope: 'openid' });
  const back = await agent.submit(await agent.navigate(path), {}, { name: 'decision', value: 'allow' });
  const { id_token: idToken = '' } = tokensOf(await app.exchange(agent, codeOf(back), verifier));
  return { agent, idToken };
}

async function askToLogOut(agent: UserAgent, idToken: string): Promise<Page> {
  const query = new URLSearchParams({
    id_token_hint: idToken,
    post_logout_redirect_uri: 'https://calendar.example/bye',
    state: 'of-the-application',
  });
  return agent.navigate(`/ory/hydra/oauth2/sessions/logout?${query}`);
}

it('an application that requests a logout causes a question to the user, and nothing else', async () => {
  const { agent, idToken } = await loggedIn();
  const page = await askToLogOut(agent, idToken);
  expect(page.status).toBe(200);
  expect(new URL(page.url).pathname).toBe('/ui/logout');
  expect(page.headers.get('content-security-policy')).toContain('form-action');
  expect(page.headers.get('content-security-policy')).toContain('https://calendar.example');
  expect((await agent.fetch('/auth/session')).status).toBe(200);
});

it('the user agrees: logged out here, at Kratos and at Hydra, and back at the application', async () => {
  const { agent, idToken } = await loggedIn();
  const kept = await agent.cookie('vestibule');
  const page = await askToLogOut(agent, idToken);
  const back = await agent.submit(page, {}, { name: 'decision', value: 'logout' });
  expect(landingOf(back).href).toBe('https://calendar.example/bye?state=of-the-application');
  expect(await agent.cookie('vestibule')).toBeUndefined();
  expect((await agent.fetch('/ory/kratos/sessions/whoami')).status).toBe(401);
  const replayed = await fetch(`${stack.url}/auth/session`, { headers: { cookie: `vestibule=${kept}` } });
  expect(replayed.status).toBe(401);
  const silent = await agent.navigate(app.authorize({ audience: undefined, prompt: 'none' }).path);
  expect(landingOf(silent).searchParams.get('error')).toBe('login_required');
});

it('the user agrees: the tokens of our own applications from that login are revoked', async () => {
  const { agent, idToken } = await loggedIn();
  const { access_token: token } = await OAuthApp.spa(stack.url).login(agent);
  const admin = new OryAdmin(stack.env);
  expect(await admin.isActive(token)).toBe(true);
  await agent.submit(await askToLogOut(agent, idToken), {}, { name: 'decision', value: 'logout' });
  expect(await admin.isActive(token)).toBe(false);
});

it('a user without any other session agrees: back at the application as well', async () => {
  const { agent, idToken } = await loggedIn();
  const page = await askToLogOut(agent, idToken);
  await new OryAdmin(stack.env).endSessionOf(agent);
  await agent.jar.setCookie('vestibule=; Max-Age=0; Path=/', stack.url);
  const back = await agent.submit(page, {}, { name: 'decision', value: 'logout' });
  expect(landingOf(back).href).toBe('https://calendar.example/bye?state=of-the-application');
});

it('the user declines: nobody is logged out', async () => {
  const { agent, idToken } = await loggedIn();
  const page = await askToLogOut(agent, idToken);
  const home = await agent.submit(page, {}, { name: 'decision', value: 'stay' });
  expect(home.url).toBe(`${stack.url}/`);
  expect((await agent.fetch('/auth/session')).status).toBe(200);
  expect((await agent.fetch('/ory/kratos/sessions/whoami')).status).toBe(200);
});

it("a logout challenge in another user's browser is refused and logs nobody out", async () => {
  const { agent, idToken } = await loggedIn();
  const page = await askToLogOut(agent, idToken);
  const given = new URL(page.url).searchParams.get('logout_challenge') ?? '';
  expect(given).not.toBe('');
  const { agent: other } = await loggedIn();
  expect((await other.navigate(`/auth/ory/logout?logout_challenge=${given}`)).status).toBe(403);
  expect((await other.navigate(`/ui/logout?logout_challenge=${given}`)).status).toBe(403);
  const body = new URLSearchParams({ logout_challenge: given, decision: 'logout' });
  expect((await other.navigate('/auth/ory/logout', { method: 'POST', body })).status).toBe(403);
  expect((await other.fetch('/auth/session')).status).toBe(200);
  expect((await agent.fetch('/auth/session')).status).toBe(200);
});

it('a post-logout address that is not registered is never used', async () => {
  const { agent, idToken } = await loggedIn();
  const query = new URLSearchParams({
    id_token_hint: idToken,
    post_logout_redirect_uri: 'https://evil.example/',
  });
  const page = await agent.navigate(`/ory/hydra/oauth2/sessions/logout?${query}`);
  expect(landingOf(page).origin).toBe(stack.url);
  expect(page.status).toBe(400);
});

it('a forged ID token as the hint logs nobody out', async () => {
  const { agent, idToken } = await loggedIn();
  const forged = `${idToken.slice(0, -8)}AAAAAAAA`;
  const page = await askToLogOut(agent, forged);
  expect(new URL(page.url).pathname).toBe('/ui/error');
  expect((await agent.fetch('/auth/session')).status).toBe(200);
});
