import { expect } from 'vitest';
import { expectRefusal, fieldOf, strategyContract } from '../../support/contract.suite.js';
import { apiAudience } from '../../support/provider.driver.js';
import { UserAgent } from '../../support/user-agent.js';

/** Types of the claims that every token of a person with a whole profile has. */
const claimTypes = {
  iss: 'string',
  aud: 'string',
  sub: 'string',
  sid: 'string',
  jti: 'string',
  iat: 'number',
  nbf: 'number',
  exp: 'number',
  auth_time: 'number',
  amr: 'object',
  acr: 'string',
  idp: 'string',
  idp_sub: 'string',
  client_id: 'string',
  scope: 'string',
  email: 'string',
  email_verified: 'boolean',
  name: 'string',
  picture: 'string',
};

strategyContract('browser-login', ({ name, row, party, gateway }) => {
  row('a login by browser ends where return_to says', async () => {
    const agent = new UserAgent(gateway().url);
    const page = await party().logIn(agent, await party().side.enrol(), '/api/v1/me?from=login');
    expect(page.status).toBe(200);
    expect(page.url).toBe(`${gateway().url}/api/v1/me?from=login`);
    expect(fieldOf(page, 'id')).toEqual(expect.any(String));
  });

  row('a sign-up reaches the form for new accounts', async () => {
    const page = await party().ask(new UserAgent(gateway().url), 'signup');
    expect(page.status).toBe(200);
    expect(party().side.isSignUpPage(page)).toBe(true);
    const login = await party().ask(new UserAgent(gateway().url), 'login');
    expect(party().side.isSignUpPage(login)).toBe(false);
  });

  row('the session and /api/v1/me have the same fields', async () => {
    const agent = new UserAgent(gateway().url);
    const member = await party().side.enrol();
    await party().logIn(agent, member);
    const person = {
      id: expect.any(String),
      email: member.email,
      emailVerified: true,
      name: member.name,
      picture: member.picture,
    };
    expect((await agent.fetch('/auth/session')).json()).toEqual({
      user: person,
      session: {
        id: expect.any(String),
        createdAt: expect.stringMatching(/^\d{4}-.*Z$/),
        expiresAt: expect.stringMatching(/^\d{4}-.*Z$/),
      },
      provider: name,
      claims: expect.any(Object),
    });
    expect((await agent.fetch('/api/v1/me')).json()).toMatchObject(person);
  });

  row('the claims have the same names and types', async () => {
    const agent = new UserAgent(gateway().url);
    const member = await party().side.enrol();
    await party().logIn(agent, member);
    const claims = fieldOf(await agent.fetch('/auth/session'), 'claims');
    const types = Object.entries(Object(claims)).map(([claim, value]) => [claim, typeof value]);
    expect(Object.fromEntries(types)).toEqual(claimTypes);
    expect(claims).toMatchObject({
      iss: gateway().url,
      aud: apiAudience,
      idp: name,
      client_id: party().side.ownClientId,
      scope: 'openid profile email api',
      amr: expect.any(Array),
      email: member.email,
      email_verified: true,
      name: member.name,
      picture: member.picture,
    });
  });

  row('people who log in at the same time get their own session each', async () => {
    // With Ory's pages and every password hashed, more of them: test/e2e/essential/parallel-logins.spec.ts.
    // A login by Auth0 is an OpenID login, which 200 people try.
    const count = { ory: 5, auth0: 20, oidc: 200 }[name];
    const atOnce = 20;
    const members = await Promise.all(Array.from({ length: count }, () => party().side.enrol()));
    const agents = members.map(() => new UserAgent(gateway().url));
    // All are under way before the first one is through.
    const answers = await Promise.all(
      members.map((member, index) => party().answer(agents[index] ?? expect.fail(), member)),
    );
    for (let start = 0; start < count; start += atOnce) {
      await Promise.all(
        answers.slice(start, start + atOnce).map(({ href }, index) => agents[start + index]?.navigate(href)),
      );
    }
    const sessions = await Promise.all(agents.map((agent) => agent.fetch('/auth/session')));
    expect(sessions.map((session) => fieldOf(session, 'user', 'email'))).toEqual(
      members.map(({ email }) => email),
    );
    expect(new Set(sessions.map((session) => fieldOf(session, 'session', 'id'))).size).toBe(members.length);
  });

  row('a session that was planted before the login is replaced and dead', async () => {
    const attacker = new UserAgent(gateway().url);
    await party().logIn(attacker, await party().side.enrol());
    const planted = `vestibule=${await attacker.cookie('vestibule')}`;
    const victim = new UserAgent(gateway().url);
    await victim.jar.setCookie(`${planted}; Path=/`, gateway().url);
    const member = await party().side.enrol();
    await party().logIn(victim, member);
    expect(fieldOf(await victim.fetch('/auth/session'), 'user', 'email')).toBe(member.email);
    expect((await attacker.fetch('/auth/session')).status).toBe(401);
  });

  row('a login that was given up at the provider is a 403 page', async () => {
    const agent = new UserAgent(gateway().url);
    const answer = await party().answer(agent, await party().side.enrol());
    answer.searchParams.delete('code');
    answer.searchParams.set('error', 'access_denied');
    answer.searchParams.set('error_description', '<script>alert(1)</script>');
    const page = await agent.navigate(answer.href);
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(page.text).not.toContain('<script>alert');
    await expectRefusal(agent, page, 403, 'login_refused');
  });

  row('somebody who is disabled is told so, and gets no session', async () => {
    const member = await party().side.enrol();
    await party().logIn(new UserAgent(gateway().url), member);
    await gateway()
      .query()
      .updateTable('users')
      .set({ disabled_at: 1 })
      .where('email', '=', member.email)
      .execute();
    const before = party().side.countRevocations?.();
    const agent = new UserAgent(gateway().url);
    const page = await party().logIn(agent, member);
    expect(page.text).toContain('This account is disabled.');
    // The gateway's own access token is given up all the same.
    expect(party().side.countRevocations?.()).toBe(before === undefined ? undefined : before + 1);
    expect(gateway().log.join('')).toContain('"reason":"user_disabled"');
    await expectRefusal(agent, page, 403, 'login_refused');
  });

  /** Starts a login with parameters that nobody should pass on. @returns what the provider is asked. */
  async function askedWith(hint: string): Promise<URLSearchParams> {
    const query = new URLSearchParams({
      login_hint: hint,
      redirect_uri: 'https://evil.example.test',
      client_id: 'evil',
      scope: 'admin',
      state: 'fixed',
      nonce: 'fixed',
      prompt: 'none',
      evil: 'yes',
    });
    const page = await new UserAgent(gateway().url).request(`/auth/login?${query}`);
    const asked = new URL(page.headers.get('location') ?? '').searchParams;
    expect(asked.get('redirect_uri')).toBe(`${gateway().url}/auth/callback`);
    expect(asked.get('client_id')).toBe(party().side.ownClientId);
    // Without a refresh token, an OpenID provider can't be asked later whether the user is still there.
    const more = party().side.name === 'ory' ? '' : ' offline_access';
    expect(asked.get('scope')).toBe(`openid profile email${more}`);
    expect([asked.get('state'), asked.get('nonce')]).not.toContain('fixed');
    expect([asked.get('prompt'), asked.get('evil')]).toEqual([null, null]);
    expect(asked.get('code_challenge_method')).toBe('S256');
    return asked;
  }

  row('of the parameters of /auth/login only hints reach the provider', async () => {
    expect((await askedWith('ada@example.org')).get('login_hint')).toBe('ada@example.org');
    expect((await askedWith('x'.repeat(256))).get('login_hint')).toBe('x'.repeat(256));
    for (const none of ['', 'x'.repeat(257)]) {
      expect((await askedWith(none)).has('login_hint')).toBe(false);
    }
    const twice = await new UserAgent(gateway().url).request('/auth/login?login_hint=a&login_hint=b');
    expect(new URL(twice.headers.get('location') ?? '').searchParams.has('login_hint')).toBe(false);
  });

  row('CLAIMS_MAP copies from the profile, within the granted scopes', async () => {
    await gateway().restart({ CLAIMS_MAP: 'nickname=name@profile,secretly=name@admin,absent=shoe.size' });
    const agent = new UserAgent(gateway().url);
    const member = await party().side.enrol();
    await party().logIn(agent, member);
    const claims = fieldOf(await agent.fetch('/auth/session'), 'claims');
    expect(claims).toMatchObject({ nickname: member.name });
    expect(Object.keys(Object(claims))).toEqual(expect.not.arrayContaining(['secretly', 'absent']));
  });
});
