import { decodeJwt } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { codeOf, landingOf, OAuthApp, tokensOf } from '../../support/oauth.app.js';
import { OryAdmin } from '../../support/ory.admin.js';
import { logIn, newPerson, signUp } from '../../support/person.js';
import { type Stack, startStack } from '../../support/stack.js';
import { type Page, UserAgent } from '../../support/user-agent.js';

const allow = { name: 'decision', value: 'allow' };
const deny = { name: 'decision', value: 'deny' };

describe('consent for an application that is not ours', () => {
  const person = newPerson();
  let stack: Stack;
  let app: OAuthApp;
  let agent: UserAgent;

  beforeAll(async () => {
    stack = await startStack();
    agent = new UserAgent(stack.url);
    await signUp(agent, person);
  });

  beforeEach(async () => {
    app = new OAuthApp(
      stack.url,
      await new OryAdmin(stack.env).createClient({
        client_name: 'Calendar <b>& Co</b>',
        redirect_uris: ['https://calendar.example/back'],
        audience: [stack.url],
        scope: 'openid profile email calendar',
      }),
      'https://calendar.example/back',
    );
  });

  afterAll(async () => {
    await stack?.stop();
  });

  async function ask(
    scope: string,
    changes: Record<string, string> = {},
  ): Promise<{ page: Page; verifier: string }> {
    const { path, verifier } = app.authorize({ scope, ...changes });
    return { page: await agent.navigate(path), verifier };
  }

  async function scopeOf(page: Page, verifier: string): Promise<string[]> {
    const answer = await app.exchange(agent, codeOf(page), verifier);
    return z.looseObject({ scope: z.string() }).parse(answer.json()).scope.split(' ').sort();
  }

  it('is asked on a page with the name, the host and the scopes, and the form may end at that application', async () => {
    const { page } = await ask('openid profile calendar');
    expect(page.status).toBe(200);
    expect(new URL(page.url).pathname).toBe('/ui/consent');
    const text = page.html().querySelector('main')?.text ?? page.text;
    expect(text).toContain('Calendar <b>& Co</b>');
    expect(page.text).not.toContain('<b>& Co');
    expect(text).toContain('calendar.example');
    const boxes = page
      .html()
      .querySelectorAll('input[type=checkbox]')
      .map((box) => box.getAttribute('value'));
    expect(boxes).toEqual(['openid', 'profile', 'calendar', 'true']);
    expect(page.headers.get('content-security-policy')).toMatch(
      /(?:^|;)\s*form-action 'self' https:\/\/calendar\.example(?:;|$)/,
    );
    expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
  });

  it('allowed: a code that brings the ticked scopes and no others', async () => {
    const { page, verifier } = await ask('openid profile email calendar');
    const back = await agent.submit(page, { grant_scope: 'calendar' }, allow);
    expect(landingOf(back).origin).toBe('https://calendar.example');
    expect(await scopeOf(back, verifier)).toEqual(['calendar', 'openid']);
    // Not remembered, so the next time the person is asked again.
    expect(new URL((await ask('openid calendar')).page.url).pathname).toBe('/ui/consent');
  });

  describe('the ID token has the claims of the scopes:', () => {
    /** The claims about a person in the ID token that the application gets for these scopes. */
    async function claimsFor(browser: UserAgent, scope: string): Promise<object> {
      const { path, verifier } = app.authorize({ scope });
      const body = bodyOf(await browser.navigate(path), 'allow', scope.split(' '));
      const back = await browser.navigate('/auth/ory/consent', { method: 'POST', body });
      const { id_token: token = '' } = tokensOf(await app.exchange(browser, codeOf(back), verifier));
      const about = new Set(['email', 'email_verified', 'name', 'picture']);
      return Object.fromEntries(Object.entries(decodeJwt(token)).filter(([name]) => about.has(name)));
    }

    it('e-mail and name of a user, as far as requested', async () => {
      const email = { email: person.email, email_verified: false };
      expect(await claimsFor(agent, 'openid email')).toEqual(email);
      expect(await claimsFor(agent, 'openid profile')).toEqual({ name: person.name });
      expect(await claimsFor(agent, 'openid profile email')).toEqual({ ...email, name: person.name });
      expect(await claimsFor(agent, 'openid')).toEqual({});
    });

    it('the picture of a user without a name', async () => {
      const { email, password } = newPerson();
      const picture = 'https://pictures.example.org/grace.png';
      await new OryAdmin(stack.env).createIdentity({
        traits: { email, picture },
        credentials: { password: { config: { password } } },
      });
      const browser = new UserAgent(stack.url);
      await logIn(browser, { email, password });
      expect(await claimsFor(browser, 'openid profile')).toEqual({ picture });
      expect(await claimsFor(browser, 'openid email')).toEqual({ email, email_verified: false });
    });
  });

  it('a user who was disabled meanwhile can allow nothing', async () => {
    const browser = new UserAgent(stack.url);
    await signUp(browser, newPerson());
    const page = await browser.navigate(app.authorize({ scope: 'openid' }).path);
    await new OryAdmin(stack.env).disableIdentityOf(browser);
    const body = bodyOf(page, 'allow', ['openid']);
    const answer = await browser.navigate('/auth/ory/consent', { method: 'POST', body });
    expect([answer.status, answer.headers.has('location')]).toEqual([403, false]);
  });

  it('denied: access_denied and no code', async () => {
    const { page } = await ask('openid profile');
    const back = landingOf(await agent.submit(page, {}, deny));
    expect(back.origin).toBe('https://calendar.example');
    expect(back.searchParams.get('error')).toBe('access_denied');
    expect(back.searchParams.has('code')).toBe(false);
  });

  it('a scope that was not asked for cannot be ticked', async () => {
    const { page } = await ask('openid profile');
    const body = bodyOf(page, 'allow', ['openid', 'email']);
    const answer = await agent.navigate('/auth/ory/consent', { method: 'POST', body });
    expect(answer.status).toBe(403);
    expect(answer.headers.has('location')).toBe(false);
  });

  it('a scope that is not listed for the application is refused before the question [L10]', async () => {
    const { page } = await ask('openid admin');
    expect(landingOf(page).searchParams.get('error')).toBe('invalid_scope');
    expect(landingOf(page).searchParams.has('code')).toBe(false);
  });

  it('a client that is not registered, or another redirect URI, gets no question and no code [L10]', async () => {
    for (const changes of [{ client_id: 'nobody' }, { redirect_uri: 'https://evil.example/back' }]) {
      const { page } = await ask('openid profile', changes);
      expect(page.text).not.toContain('value="allow"');
      expect(`${page.url} ${page.headers.get('location') ?? ''}`).not.toMatch(/evil\.example|[?&]code=/);
    }
  });

  it('the decision counts once: sent again it yields no second code', async () => {
    const { page, verifier } = await ask('openid profile');
    const body = bodyOf(page, 'allow', ['openid']);
    const first = await agent.navigate('/auth/ory/consent', { method: 'POST', body });
    expect(await scopeOf(first, verifier)).toEqual(['openid']);
    const second = await agent.navigate('/auth/ory/consent', { method: 'POST', body });
    expect(landingOf(second).searchParams.has('code')).toBe(false);
    expect(second.status).toBeLessThan(500);
  });

  it('remembered: the next login asks no question, for these scopes only', async () => {
    const { page } = await ask('openid profile');
    await agent.submit(page, { grant_scope: 'profile', remember: 'true' }, allow);
    const again = await ask('openid profile');
    expect(await scopeOf(again.page, again.verifier)).toEqual(['openid', 'profile']);
    expect(new URL((await ask('openid profile calendar')).page.url).pathname).toBe('/ui/consent');
  });

  it.each(['', 'perhaps', '__proto__'])('decision %j is no decision', async (decision) => {
    const { page } = await ask('openid');
    const body = bodyOf(page, decision, ['openid']);
    const answer = await agent.navigate('/auth/ory/consent', { method: 'POST', body });
    expect(answer.status).toBe(400);
  });

  it('the access token of that application logs nobody in here', async () => {
    const { page, verifier } = await ask('openid profile');
    const back = await agent.submit(page, {}, allow);
    const { access_token } = tokensOf(await app.exchange(agent, codeOf(back), verifier));
    const answer = await new UserAgent(stack.url).post('/auth/login', { accessToken: access_token });
    expect(answer.status).toBe(401);
  });
});

function bodyOf(page: Page, decision: string, scopes: readonly string[]): URLSearchParams {
  const challenge = page.html().querySelector('input[name=consent_challenge]')?.getAttribute('value') ?? '';
  return new URLSearchParams([
    ['consent_challenge', challenge],
    ['decision', decision],
    ...scopes.map((scope) => ['grant_scope', scope]),
  ]);
}
