import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Recorder, Telemetry, type UpstreamName } from '../../src/platform/telemetry/telemetry.js';
import { codeOf, landingOf, OAuthApp } from '../support/oauth.app.js';
import { logIn, newPerson, signUp } from '../support/person.js';
import { type Stack, startStack } from '../support/stack.js';
import { UserAgent } from '../support/user-agent.js';

const person = newPerson();
let stack: Stack;
let spa: OAuthApp;
let agent: UserAgent;

beforeAll(async () => {
  stack = await startStack();
  spa = OAuthApp.spa(stack.url);
  agent = new UserAgent(stack.url);
  await signUp(agent, person);
});

afterAll(async () => {
  await stack?.stop();
});

/** The path on which an authorization request with these parameters ends. */
async function pathFor(browser: UserAgent, changes: Readonly<Record<string, string>>): Promise<string> {
  return landingOf(await browser.navigate(spa.authorize(changes).path)).pathname;
}

describe('prompt=none of an authorization request (OpenID Connect Core section 3.1.2.1)', () => {
  it('shows no page: a browser that is not logged in comes back with login_required and its state', async () => {
    const { path, state } = spa.authorize({ prompt: 'none' });
    const back = landingOf(await new UserAgent(stack.url).navigate(path));
    expect(back.pathname).toBe('/demo');
    expect(back.searchParams.get('error')).toBe('login_required');
    expect(back.searchParams.get('state')).toBe(state);
    expect(back.searchParams.has('code')).toBe(false);
  });

  it('brings a code at once when the browser has logged in to this application before', async () => {
    await spa.login(agent);
    const page = await agent.navigate(spa.authorize({ prompt: 'none' }).path);
    expect(landingOf(page).pathname).toBe('/demo');
    expect(codeOf(page)).not.toBe('');
  });

  it.each(['aal2', 'level2 aal2'])(
    'with a second factor that has not been given (acr_values=%s): login_required',
    async (values) => {
      const back = landingOf(
        await agent.navigate(spa.authorize({ prompt: 'none', acr_values: values }).path),
      );
      expect(back.searchParams.get('error')).toBe('login_required');
    },
  );

  it.each(['aal1 aal2', 'aal2 aal1'])(
    'with acr_values=%s, of which the login meets one: a code',
    async (values) => {
      await spa.login(agent);
      const page = await agent.navigate(spa.authorize({ prompt: 'none', acr_values: values }).path);
      expect(codeOf(page)).not.toBe('');
    },
  );
});

describe('screen_hint=signup', () => {
  it('leads a visitor to the registration, and back with a code', async () => {
    const visitor = new UserAgent(stack.url);
    const form = await visitor.navigate(spa.authorize({ screen_hint: 'signup' }).path);
    expect(new URL(form.url).pathname).toBe('/ui/registration');
    const { email, name, password } = newPerson();
    const back = await visitor.submit(form, { 'traits.email': email, 'traits.name': name, password });
    expect(landingOf(back).pathname).toBe('/demo');
    expect(codeOf(back)).not.toBe('');
  });

  it.each(['login', 'SIGNUP', ''])('%j leads to the login', async (hint) => {
    expect(await pathFor(new UserAgent(stack.url), { screen_hint: hint })).toBe('/ui/login');
  });

  it('asks a logged-in user nothing, and asks nobody to register who must log in again', async () => {
    expect(await pathFor(agent, { screen_hint: 'signup' })).toBe('/demo');
    expect(await pathFor(agent, { screen_hint: 'signup', prompt: 'login' })).toBe('/ui/login');
  });
});

class HydraCalls extends Recorder {
  count = 0;

  override called(upstream: UpstreamName): void {
    this.count += upstream === 'hydra' ? 1 : 0;
  }
}

it('the login page names the application in its policy, for which a process asks Hydra once', async () => {
  const browser = new UserAgent(stack.url);
  const { url } = await browser.navigate(spa.authorize().path);
  const questions = async () => {
    const calls = new HydraCalls();
    stack.app().get(Telemetry, { strict: false }).recorder = calls;
    const page = await browser.navigate(url);
    expect(page.headers.get('content-security-policy')).toContain(`form-action 'self' ${stack.url}`);
    return calls.count;
  };
  expect(await questions()).toBe(0);
  await stack.restartGateway();
  expect(await questions()).toBe(1);
  expect(await questions()).toBe(0);
});

it('if another user has logged in at Kratos since, the code is for that user', async () => {
  const other = newPerson();
  await signUp(new UserAgent(stack.url), other);
  const browser = new UserAgent(stack.url);
  await logIn(browser, person);
  await spa.login(browser);
  // Kratos' session of the first person is gone from this browser; Hydra still remembers them.
  await browser.jar.setCookie('ory_kratos_session=; Max-Age=0; Path=/', stack.url);
  const form = await browser.navigate(spa.authorize().path);
  expect(new URL(form.url).pathname).toBe('/ui/login');
  const back = await browser.submit(form, { identifier: other.email, password: other.password });
  expect(landingOf(back).pathname).toBe('/demo');
  const { access_token: accessToken } = await spa.login(browser);
  const visitor = new UserAgent(stack.url);
  expect((await visitor.post('/auth/login', { accessToken })).json()).toMatchObject({
    user: { email: other.email },
  });
});
