import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeOf, landingOf, OAuthApp, tokensOf } from '../../support/oauth.app.js';
import { OryAdmin } from '../../support/ory.admin.js';
import { newPerson, signUp } from '../../support/person.js';
import { type Stack, startStack } from '../../support/stack.js';
import { UserAgent } from '../../support/user-agent.js';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('a single-page app that runs steps 6 and 7 itself', () => {
  const person = newPerson();
  let stack: Stack;
  let spa: OAuthApp;
  let agent: UserAgent;

  beforeAll(async () => {
    stack = await startStack();
    spa = OAuthApp.spa(stack.url);
    agent = new UserAgent(stack.url);
    await signUp(agent, person);
    await agent.jar.setCookie('vestibule=; Max-Age=0; Path=/', stack.url);
  });

  afterAll(async () => {
    await stack?.stop();
  });

  it('gets a code with PKCE, an access token for it, and a session for the token', async () => {
    const visitor = new UserAgent(stack.url);
    const { path, state, verifier } = spa.authorize();
    const login = await visitor.navigate(path);
    expect(new URL(login.url).pathname).toBe('/ui/login');
    const back = await visitor.submit(login, { identifier: person.email, password: person.password });
    expect(landingOf(back).pathname).toBe('/demo');
    expect(landingOf(back).searchParams.get('state')).toBe(state);
    expect(await visitor.cookie('vestibule')).toBeUndefined();

    const tokens = tokensOf(await spa.exchange(visitor, codeOf(back), verifier));
    const answer = await visitor.post('/auth/login', { accessToken: tokens.access_token });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.json()).toEqual({
      user: {
        id: expect.stringMatching(uuid),
        email: person.email,
        emailVerified: false,
        name: person.name,
        picture: null,
      },
      session: { id: expect.stringMatching(uuid), expiresAt: expect.stringMatching(/^\d{4}-.*Z$/) },
    });
    const session = await visitor.fetch('/auth/session');
    expect(session.json()).toMatchObject({
      provider: 'ory',
      user: { email: person.email },
      claims: { iss: stack.url, aud: stack.url, client_id: 'vestibule-spa', idp: 'ory', amr: ['pwd'] },
    });
  });

  it('the answer and the page hold no token that could be taken instead of the cookie', async () => {
    const tokens = await spa.login(agent);
    const answer = await agent.post('/auth/login', { accessToken: tokens.access_token });
    expect(answer.text).not.toContain('eyJ');
    expect(answer.text).not.toContain(tokens.access_token);
    expect((await agent.fetch('/auth/session')).text).not.toContain('eyJ');
  });

  it.each([
    ['left out', { code_challenge: undefined, code_challenge_method: undefined }],
    ['of the method plain', { code_challenge: 'p'.repeat(43), code_challenge_method: 'plain' }],
    ['without its method', { code_challenge: 'p'.repeat(43), code_challenge_method: undefined }],
    ['too short', { code_challenge: 'short' }],
  ])('a code challenge that is %s yields no usable code [L08]', async (_case, changes) => {
    const { path, verifier } = spa.authorize(changes);
    const landing = landingOf(await agent.navigate(path));
    // Hydra answers some with an error at once, and some when the code is exchanged.
    const code = landing.searchParams.get('code') ?? 'none';
    for (const given of [verifier, 'p'.repeat(43), undefined]) {
      expect((await spa.exchange(agent, code, given)).status).toBe(400);
    }
    expect(landing.searchParams.get('error') ?? 'invalid_request').toBe('invalid_request');
  });

  it('a code is worth nothing with another verifier, and with none [L08]', async () => {
    for (const verifier of ['v'.repeat(43), '', undefined]) {
      const { path } = spa.authorize();
      const code = codeOf(await agent.navigate(path));
      const answer = await spa.exchange(agent, code, verifier);
      expect([400, 401]).toContain(answer.status);
    }
  });

  it('a code used twice is refused, and the tokens of the first use die with it [L07]', async () => {
    const { path, verifier } = spa.authorize();
    const code = codeOf(await agent.navigate(path));
    const tokens = tokensOf(await spa.exchange(agent, code, verifier));
    const second = await spa.exchange(agent, code, verifier);
    expect(second.status).toBe(400);
    expect(second.json()).toMatchObject({ error: 'invalid_grant' });
    const login = await new UserAgent(stack.url).post('/auth/login', { accessToken: tokens.access_token });
    expect(login.status).toBe(401);
  });

  it('a code of another client is refused [L07]', async () => {
    const client = await new OryAdmin(stack.env).createClient({
      token_endpoint_auth_method: 'none',
      redirect_uris: [spa.redirectUri],
      audience: [stack.url],
      skip_consent: true,
    });
    const other = new OAuthApp(stack.url, client, spa.redirectUri);
    const { path, verifier } = other.authorize();
    const code = codeOf(await agent.navigate(path));
    expect((await spa.exchange(agent, code, verifier)).status).toBe(400);
  });

  it.each(['https://evil.example/', 'http://localhost:1/demo', '/demo', 'javascript:alert(1)'])(
    'redirect_uri %s gets nothing',
    async (redirectUri) => {
      const page = await agent.navigate(spa.authorize({ redirect_uri: redirectUri }).path);
      expect(landingOf(page).origin).toBe(stack.url);
      expect(landingOf(page).searchParams.has('code')).toBe(false);
    },
  );
});
