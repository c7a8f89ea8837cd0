import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeOf, landingOf, OAuthApp } from '../../support/oauth.app.js';
import { OryAdmin } from '../../support/ory.admin.js';
import { newPerson, signUp } from '../../support/person.js';
import { type Stack, startStack } from '../../support/stack.js';
import { UserAgent } from '../../support/user-agent.js';

const allow = { name: 'decision', value: 'allow' };
const loopback = 'http://127.0.0.1:45677/callback';
let stack: Stack;
let ory: OryAdmin;
/** A browser that is logged in. */
let agent: UserAgent;

beforeAll(async () => {
  stack = await startStack();
  ory = new OryAdmin(stack.env);
  agent = new UserAgent(stack.url);
  await signUp(agent, newPerson());
});

afterAll(async () => {
  await stack?.stop();
});

/** A public client of an operator's, for which no consent is asked. */
async function register(
  redirectUri: string,
  definition: Readonly<Record<string, unknown>> = {},
): Promise<OAuthApp> {
  const client = await ory.createClient({
    client_name: 'Native',
    token_endpoint_auth_method: 'none',
    redirect_uris: [redirectUri],
    audience: [stack.url],
    skip_consent: true,
    ...definition,
  });
  return new OAuthApp(stack.url, client, redirectUri);
}

const clientAtHydra = (id: string): Promise<Response> =>
  fetch(`${stack.env['HYDRA_ADMIN_URL']}/admin/clients/${id}`);

describe('a program that listens on a loopback port [L27]', () => {
  it('gets no code by the client that earlier versions had for the command line: the start takes it away', async () => {
    await fetch(`${stack.env['HYDRA_ADMIN_URL']}/admin/clients`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        client_id: 'vestibule-cli',
        token_endpoint_auth_method: 'none',
        redirect_uris: ['http://127.0.0.1/callback', 'http://[::1]/callback'],
        audience: [stack.url],
        skip_consent: true,
      }),
    });
    expect((await clientAtHydra('vestibule-cli')).status).toBe(200);
    await stack.restartGateway();
    expect((await clientAtHydra('vestibule-cli')).status).toBe(404);
    const app = new OAuthApp(stack.url, { id: 'vestibule-cli', secret: '' }, loopback);
    const page = await agent.navigate(app.authorize().path);
    expect(new URL(page.url).origin).toBe(stack.url);
  });

  it.each([
    'http://127.0.0.1/callback',
    'http://[::1]/callback',
    'http://localhost:45677/callback',
    'com.example.app:/callback',
  ])('gets no code without a page, whatever is configured about consent: %s', async (redirectUri) => {
    const app = await register(redirectUri);
    const page = await agent.navigate(app.authorize().path);
    expect([page.status, new URL(page.url).pathname]).toEqual([200, '/ui/consent']);
    expect(page.html().querySelector('[name=remember]')).toBeNull();
  });

  it('gets none by an earlier consent either, nor silently', async () => {
    const app = await register(loopback, { skip_consent: false });
    const page = await agent.navigate(app.authorize().path);
    // A form that remembers, which the page doesn't have.
    const challenge = page.html().querySelector('[name=consent_challenge]')?.getAttribute('value') ?? '';
    const back = await agent.navigate('/auth/ory/consent', {
      method: 'POST',
      body: new URLSearchParams([
        ['consent_challenge', challenge],
        ['grant_scope', 'openid'],
        ['remember', 'true'],
        ['decision', 'allow'],
      ]),
    });
    expect(codeOf(back)).not.toBe('');
    expect(new URL((await agent.navigate(app.authorize().path)).url).pathname).toBe('/ui/consent');
    const silent = landingOf(await agent.navigate(app.authorize({ prompt: 'none' }).path));
    expect([silent.searchParams.get('code'), silent.searchParams.get('error')]).toEqual([
      null,
      'consent_required',
    ]);
  });

  it('gets none silently where no consent is asked for', async () => {
    const app = await register(loopback);
    const silent = landingOf(await agent.navigate(app.authorize({ prompt: 'none' }).path));
    expect([silent.searchParams.get('code'), silent.searchParams.get('error')]).toEqual([
      null,
      'consent_required',
    ]);
  });

  it('gets one when the user allows it on the page', async () => {
    const app = await register(loopback);
    const page = await agent.navigate(app.authorize().path);
    expect(codeOf(await agent.submit(page, {}, allow))).not.toBe('');
  });
});

it('a public client whose code goes to our own origin, or to a web site, needs no page', async () => {
  for (const redirectUri of [`${stack.url}/demo`, 'https://calendar.example/back']) {
    const app = await register(redirectUri);
    expect(codeOf(await agent.navigate(app.authorize().path))).not.toBe('');
  }
});
