import { createHash } from 'node:crypto';
import { decodeJwt, type JWTPayload } from 'jose';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { AuthStrategy } from '../../../../auth-strategy/auth.strategy.js';
import { loadConfiguration, type OryConfiguration } from '../../../../platform/config/configuration.js';
import { Clock } from '../../../../platform/time/clock.service.js';
import { UpstreamCalls } from '../../../../platform/upstream/upstream-calls.js';
import { ConnectionSource } from '../../../connections/connection-source.js';
import { Connections } from '../../../connections/connections.js';
import { ConnectionKinds } from '../../../connections/connection-kinds.js';
import { connectionOf } from '../../../connections/connection.js';
import { testConnection } from '../../../connections/owned/org-connection-administration.js';
import { Database } from '../../../../platform/database/database.schema.js';
import { IdentitySource } from '../../../../providers/ory/sources/identity-source.js';
import {
  type CompanyServer,
  companyPorts,
  type Employee,
  goToCompany,
  logInByCompany,
  logInThere,
  openIdConnection,
  pageOfAddress,
  startCompany,
} from '../../../../../test/support/openid.connection.js';
import { codeOf, OAuthApp, tokensOf } from '../../../../../test/support/oauth.app.js';
import { OryAdmin } from '../../../../../test/support/ory.admin.js';
import { newPerson } from '../../../../../test/support/person.js';
import { cookiesOf, sessionKeyOf } from '../../../../../test/support/source.driver.js';
import { type Stack, startStack, waitUntil } from '../../../../../test/support/stack.js';
import { formOf, type Page, UserAgent } from '../../../../../test/support/user-agent.js';
import { travel } from '../../../../../test/support/travel.js';
import { ownFeatures } from '../../../../app/features.js';

let stack: Stack;
let staff: CompanyServer;
let other: CompanyServer;
let ory: OryAdmin;
let issuer: string;
let connections: readonly Readonly<Record<string, unknown>>[];

beforeAll(async () => {
  const [one, two] = [await companyPorts(), await companyPorts()];
  ({ issuer } = one);
  connections = [
    openIdConnection(one.issuer),
    openIdConnection(two.issuer, { id: 'other', name: 'The Other Ltd.', domains: ['other.test'] }),
  ];
  stack = await startStack({ env: { CONNECTIONS: JSON.stringify(connections) } });
  staff = await startCompany(stack.url, one);
  other = await startCompany(stack.url, two, { ids: ['other'] });
  ory = new OryAdmin(stack.env);
});

afterEach(() => {
  stack.shiftClock(0);
  staff.wire.reset();
  staff.provider.reset();
  other.wire.reset();
});

afterAll(async () => {
  await stack?.stop();
  await staff?.stop();
  await other?.stop();
});

const newAgent = (): UserAgent => new UserAgent(stack.url);
const pathOf = ({ url }: Page): string => new URL(url).pathname;
const query = () => stack.app().get(Database, { strict: false }).query;
const source = (): IdentitySource => stack.app().get(IdentitySource, { strict: false });
const statusOf = async (agent: UserAgent): Promise<number> => (await agent.fetch('/auth/session')).status;
const codeOn = (page: Page): string | undefined => page.html().querySelector('code')?.text;
const alertOn = (page: Page): string | undefined => page.html().querySelector('[role=alert]')?.text.trim();
const countTokenRequests = (): number => staff.wire.count(staff.tokenPath);

const declined = 'The login at Example Ltd. did not succeed. Try again, or ask your administrator.';

/** Somebody of the company who has logged in. */
async function known(): Promise<Employee & { readonly agent: UserAgent }> {
  const person = staff.employ();
  const agent = newAgent();
  await logInByCompany(agent, person);
  expect(await statusOf(agent)).toBe(200);
  return { ...person, agent };
}

/** A login that is about to bring the provider's answer. */
async function answered(
  agent: UserAgent,
  person: Pick<Employee, 'email' | 'password'>,
  path?: string,
): Promise<URL> {
  const page = await goToCompany(agent, await pageOfAddress(agent, person.email, path));
  const { action, body } = formOf(page, { login: person.email, password: person.password });
  const { next } = await travel(agent, action, ({ pathname }) => pathname.endsWith('/callback'), body);
  expect(next?.searchParams.get('code')).toEqual(expect.any(String));
  return next ?? new URL(stack.url);
}

/** Brings an answer to the gateway, and goes wherever that leads. */
async function bring(agent: UserAgent, answer: URL): Promise<Page> {
  return (await travel(agent, answer.href)).page;
}

/** Changes the claims of the ID tokens that the provider issues from now on. */
function withClaims(change: (claims: JWTPayload) => JWTPayload): void {
  staff.wire.rewrite(staff.tokenPath, async (body) => ({
    ...body,
    id_token: await staff.provider.keys.sign(change(decodeJwt(String(body['id_token'])))),
  }));
}

describe('a login at a company’s provider', () => {
  it('begins with the address, asks the provider for it with all protections, and ends where it was to', async () => {
    const person = staff.employ();
    const agent = newAgent();
    const first = await agent.navigate('/auth/login?return_to=/docs');
    expect(pathOf(first)).toBe('/ui/identify');
    const second = await agent.submit(first, { identifier: person.email });
    expect([pathOf(second), second.status]).toEqual(['/ui/connections/staff', 200]);
    expect(second.text).toContain('Continue to Example Ltd.');
    expect(second.html().querySelector('input[type=password]')).toBeNull();
    const there = await goToCompany(agent, second);
    const asked = staff.provider.seen.findLast(({ path }) => path === '/auth')?.query;
    expect(Object.fromEntries(asked ?? [])).toMatchObject({
      response_type: 'code',
      client_id: 'vestibule',
      redirect_uri: `${stack.url}/auth/connections/staff/callback`,
      scope: 'openid profile email',
      login_hint: person.email,
      code_challenge_method: 'S256',
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      state: expect.stringMatching(/^[\w-]{40,}$/),
      nonce: expect.stringMatching(/^[\w-]{40,}$/),
    });
    const end = await logInThere(agent, there, person);
    expect([end.url, end.status]).toEqual([`${stack.url}/docs`, 200]);
    expect((await agent.fetch('/auth/session')).json()).toMatchObject({
      user: { email: person.email, emailVerified: true, name: person.name },
      provider: 'ory',
    });
  });

  it('fits into the cookies that browsers and servers take, also with four at once', async () => {
    const agent = newAgent();
    for (let count = 0; count < 6; count += 1) {
      await goToCompany(
        agent,
        await pageOfAddress(agent, 'ada@example.org', `/auth/login?return_to=/${count}`),
      );
    }
    const cookies = (await cookiesOf(stack, agent)).split('; ');
    const own = cookies.filter((cookie) => cookie.startsWith('vestibule-provider.'));
    expect(own.length).toBeLessThanOrEqual(4);
    expect(Math.max(...own.map((cookie) => cookie.length))).toBeLessThan(1000);
  });

  it('is that of one connection: its link leads there by name only', async () => {
    const agent = newAgent();
    const page = await pageOfAddress(agent, 'ada@other.test');
    expect(pathOf(page)).toBe('/ui/connections/other');
    const challenge = new URL(page.url).searchParams.get('login_challenge') ?? '';
    for (const path of ['/auth/connections/staff/login', '/ui/connections/staff']) {
      expect((await newAgent().navigate(`${path}?login_challenge=${challenge}`)).status).toBe(403);
      expect((await agent.navigate(`${path}?login_challenge=https://evil.test/`)).status).toBe(403);
    }
    expect((await agent.navigate(`/auth/connections/none/login?login_challenge=${challenge}`)).status).toBe(
      404,
    );
    const posted = await agent.request('/ui/connections/other', {
      method: 'POST',
      body: new URLSearchParams({ login_challenge: challenge, login: 'ada', password: 'x' }),
      headers: { origin: stack.url },
    });
    expect(posted.status).toBe(404);
  });

  it('that the user cancels leads to a page from which it can begin again', async () => {
    const agent = newAgent();
    const answer = await answered(agent, staff.employ());
    answer.searchParams.delete('code');
    answer.searchParams.set('error', 'access_denied');
    const page = await bring(agent, answer);
    expect([page.status, alertOn(page)]).toEqual([403, declined]);
    const again = page.html().querySelector('a.button')?.getAttribute('href')?.replaceAll('&amp;', '&') ?? '';
    await travel(agent, new URL(again, page.url).href);
    expect(await statusOf(agent)).toBe(200);
  });

  it('with max_age=0 asks for the credentials again, although the provider remembers the user', async () => {
    const { agent, ...person } = await known();
    const before = await sessionKeyOf(stack, person);
    const page = await agent.navigate('/auth/login?max_age=0');
    expect(pathOf(page)).toBe('/ui/connections/staff');
    const there = await goToCompany(agent, page);
    expect(there.text).toContain('Log in at the provider');
    await logInThere(agent, there, person);
    expect(await statusOf(agent)).toBe(200);
    expect((await sessionKeyOf(stack, person)).id).not.toBe(before.id);
  });

  it('that the provider answers with an old login is refused, and the user is not sent in circles', async () => {
    const person = staff.employ();
    withClaims((claims) => ({ ...claims, auth_time: Math.floor(Date.now() / 1000) - 3600 }));
    const agent = newAgent();
    const page = await logInByCompany(agent, person, '/auth/login?max_age=0');
    expect([page.status, alertOn(page)]).toEqual([403, declined]);
    expect(stack.log.join()).toContain('login_too_old');
  });
});

describe('an answer', () => {
  it.each<[string, (answer: URL) => void]>([
    ['another state', ({ searchParams }) => searchParams.set('state', 'x'.repeat(43))],
    ['no state', ({ searchParams }) => searchParams.delete('state')],
    ['two states', ({ searchParams }) => searchParams.append('state', 'x')],
  ])('with %s is refused [L05]', async (_name, change) => {
    const agent = newAgent();
    const answer = await answered(agent, staff.employ());
    change(answer);
    const page = await bring(agent, answer);
    expect([page.status, codeOn(page)]).toEqual([403, 'login_state_invalid']);
    expect(await statusOf(agent)).toBe(401);
  });

  it('is of the browser that began the login [L05]', async () => {
    const answer = await answered(newAgent(), staff.employ());
    const victim = newAgent();
    await victim.navigate('/auth/login');
    const page = await bring(victim, answer);
    expect([page.status, codeOn(page)]).toEqual([403, 'login_state_invalid']);
    expect(await victim.cookie('vestibule-connection')).toBeUndefined();
  });

  it('is good once, also with the cookies of before [L07]', async () => {
    const agent = newAgent();
    const answer = await answered(agent, staff.employ());
    const copy = await agent.copyAt(undefined);
    await bring(agent, answer);
    expect(await statusOf(agent)).toBe(200);
    for (const browser of [agent, copy]) {
      const page = await bring(browser, answer);
      expect([page.status, codeOn(page)]).toEqual([403, 'login_state_invalid']);
    }
    expect(await statusOf(copy)).toBe(401);
  });

  it('with another user’s code is refused: PKCE binds it to the login that asked for it [L07]', async () => {
    const stolen = await answered(newAgent(), staff.employ());
    const agent = newAgent();
    const answer = await answered(agent, staff.employ());
    answer.searchParams.set('code', stolen.searchParams.get('code') ?? '');
    const page = await bring(agent, answer);
    expect([page.status, alertOn(page)]).toEqual([403, declined]);
    expect(await statusOf(agent)).toBe(401);
  });

  it('of another issuer is refused (RFC 9207), and its code is sent nowhere [L06]', async () => {
    const agent = newAgent();
    const answer = await answered(agent, staff.employ());
    answer.searchParams.set('iss', 'https://evil.test');
    const before = countTokenRequests();
    const page = await bring(agent, answer);
    expect([page.status, alertOn(page)]).toEqual([403, declined]);
    expect(countTokenRequests()).toBe(before);
    expect(stack.log.join()).toContain('issuer_mismatch');
  });

  it('of one connection is none of another [L05]', async () => {
    const agent = newAgent();
    const answer = await answered(agent, staff.employ());
    answer.pathname = '/auth/connections/other/callback';
    const before = other.wire.count(other.tokenPath);
    const page = await bring(agent, answer);
    expect([page.status, codeOn(page)]).toEqual([403, 'login_state_invalid']);
    expect(other.wire.count(other.tokenPath)).toBe(before);
  });

  it('leads nowhere but to the login that it is of', async () => {
    const agent = newAgent();
    const answer = await answered(agent, staff.employ());
    for (const name of ['return_to', 'login_challenge', 'redirect_uri', 'next']) {
      answer.searchParams.set(name, 'https://evil.test/');
    }
    const page = await bring(agent, answer);
    expect([page.url, page.status]).toEqual([`${stack.url}/`, 200]);
  });
});

describe('an ID token', () => {
  it.each(['alg-none', 'bad-signature', 'unknown-kid'] as const)('with %s is refused', async (fault) => {
    const agent = newAgent();
    staff.provider.tamperIdToken(fault);
    const page = await logInByCompany(agent, staff.employ());
    expect([page.status, alertOn(page)]).toEqual([403, declined]);
    expect(await statusOf(agent)).toBe(401);
  });

  it.each<[string, (claims: JWTPayload) => JWTPayload]>([
    ['for another audience', (claims) => ({ ...claims, aud: 'another' })],
    ['of another issuer', (claims) => ({ ...claims, iss: 'https://evil.test' })],
    ['with another nonce', (claims) => ({ ...claims, nonce: 'another' })],
    ['without a nonce', ({ nonce: _left, ...claims }) => claims],
    ['about another user than /userinfo', (claims) => ({ ...claims, sub: 'another' })],
    ['whose subject fits into no row', (claims) => ({ ...claims, sub: 'a\u0000b' })],
  ])('%s is refused', async (_name, change) => {
    const agent = newAgent();
    withClaims(change);
    const page = await logInByCompany(agent, staff.employ());
    expect([page.status, alertOn(page)]).toEqual([403, declined]);
    expect(await statusOf(agent)).toBe(401);
  });

  it('states a second factor only where the connection trusts it with that', async () => {
    const change = (claims: JWTPayload): JWTPayload => ({ ...claims, amr: ['pwd', 'mfa'], acr: 'aal2' });
    const person = staff.employ();
    withClaims(change);
    await logInByCompany(newAgent(), person);
    expect(await source().findSession(await sessionKeyOf(stack, person))).toMatchObject({
      acr: 'aal1',
      amr: [],
    });
    await stack.restartGateway({
      CONNECTIONS: JSON.stringify([openIdConnection(issuer, { trust_second_factor: true })]),
    });
    try {
      withClaims(change);
      const agent = newAgent();
      await logInByCompany(agent, person, '/auth/login?acr_values=aal2');
      expect(await statusOf(agent)).toBe(200);
      expect(await source().findSession(await sessionKeyOf(stack, person))).toMatchObject({
        acr: 'aal2',
        amr: ['pwd', 'mfa'],
      });
      // Taken back, it counts no more in sessions that have begun.
      await stack.restartGateway({ CONNECTIONS: JSON.stringify(connections) });
      expect(await source().findSession(await sessionKeyOf(stack, person))).toMatchObject({
        acr: 'aal1',
        amr: ['pwd'],
        hasLostFactor: true,
      });
      stack.shiftClock(660);
      const renewed = await agent.fetch('/auth/session');
      expect([renewed.status, renewed.json()]).toEqual([
        200,
        expect.objectContaining({ claims: expect.objectContaining({ acr: 'aal1' }) }),
      ]);
    } finally {
      stack.shiftClock(0);
      await stack.restartGateway({ CONNECTIONS: JSON.stringify(connections) });
    }
  });

  it('with an unverified address leads to a page that says whom to ask, where addresses must be verified', async () => {
    await stack.restartGateway({ REQUIRE_VERIFIED_EMAIL: 'true' });
    try {
      const agent = newAgent();
      await logInByCompany(agent, staff.employ({ email_verified: false }));
      expect(await statusOf(agent)).toBe(403);
      const page = await agent.navigate('/ui/verification');
      expect([page.status, pathOf(page)]).toEqual([200, '/ui/verification']);
      expect(page.text).toContain('ask your administrator');
    } finally {
      await stack.restartGateway({ REQUIRE_VERIFIED_EMAIL: 'false' });
    }
  });

  it('with an address that is only stated doesn’t pass EMAIL_DOMAINS', async () => {
    await stack.restartGateway({ EMAIL_DOMAINS: 'example.org' });
    try {
      const agent = newAgent();
      const page = await logInByCompany(agent, staff.employ({ email_verified: false }));
      expect([page.status, await statusOf(agent)]).toEqual([403, 401]);
      const verified = newAgent();
      await logInByCompany(verified, staff.employ());
      expect(await statusOf(verified)).toBe(200);
    } finally {
      await stack.restartGateway({ EMAIL_DOMAINS: '' });
    }
  });
});

describe('an address', () => {
  it.each([
    [
      'outside of the connection’s domains',
      { email: `ada-${Date.now()}@elsewhere.test`, email_verified: true },
    ],
    ['that the provider has not verified', { email_verified: false }],
  ])('%s is not verified, and takes over no account [L20]', async (_name, account) => {
    const person = staff.employ(account);
    await ory.createPerson(person, { isVerified: true });
    const agent = newAgent();
    // By its name, for the address doesn't lead there.
    const there = await goToCompany(agent, await pageOfAddress(agent, 'ada@example.org'));
    await logInThere(agent, there, person);
    expect((await agent.fetch('/auth/session')).json()).toMatchObject({
      user: { email: person.email, emailVerified: false },
    });
    const own = newAgent();
    const page = await own.navigate(
      `/ory/kratos/self-service/login/browser?${new URLSearchParams({ return_to: `${stack.url}/auth/login` })}`,
    );
    await own.submit(page, { identifier: person.email, password: person.password });
    const idOf = async (browser: UserAgent): Promise<unknown> =>
      Reflect.get(Object(Reflect.get(Object((await browser.fetch('/auth/session')).json()), 'user')), 'id');
    expect(await idOf(own)).toEqual(expect.any(String));
    expect(await idOf(own)).not.toBe(await idOf(agent));
  });

  it.each([
    ['of another document than its verification', { email_verified: undefined }],
    ['that only looks like one of the domain', { email: 'ada@example.org/evil.net' }],
    ['with an escape in its domain', { email: 'ada@ex%61mple.org' }],
    ['with an invisible sign in it', { email: 'ada\u200B@example.org' }],
    ['that reads in another direction', { email: '\u202Eada@example.org' }],
    ['with another sign that looks like an at', { email: 'ada\uFF20evil.net@example.org' }],
  ])('%s is not verified [L20]', async (_name, change) => {
    const person = staff.employ();
    withClaims((claims) => ({ ...claims, email: 'another@example.org', email_verified: true }));
    staff.wire.rewrite('/me', (body) => ({ ...body, email_verified: true, ...change }));
    const agent = newAgent();
    await logInByCompany(agent, person);
    expect((await agent.fetch('/auth/session')).json()).toMatchObject({ user: { emailVerified: false } });
  });

  it('and a name that change are followed at the renewal, and the user stays the same', async () => {
    const { agent, sub, email, password } = await known();
    staff.employ({ sub, email: `new-${email}`, name: 'Ada of the Company', password });
    stack.shiftClock(660);
    expect((await agent.fetch('/auth/session')).json()).toMatchObject({
      user: { name: 'Ada of the Company', email: `new-${email}`, emailVerified: true },
    });
  });
});

describe('a renewal', () => {
  it('uses the refresh token once, however many ask at once', async () => {
    const person = await known();
    const key = await sessionKeyOf(stack, person);
    stack.shiftClock(660);
    const before = countTokenRequests();
    const found = await Promise.all(Array.from({ length: 12 }, () => source().findSession(key)));
    expect(found.map((session) => session?.id)).toEqual(Array.from({ length: 12 }, () => key.id));
    expect(countTokenRequests()).toBe(before + 1);
    stack.shiftClock(1320);
    expect((await source().findSession(key))?.isActive).toBe(true);
    expect(countTokenRequests()).toBe(before + 2);
  });

  it('looks its connection up once, also of a session with a second factor, and of a user with several', async () => {
    const { agent: _agent, ...person } = await known();
    const key = await sessionKeyOf(stack, person);
    await logInByCompany(newAgent(), person);
    const ofUser = query().updateTable('connection_sessions').where('identity_id', '=', key.subject);
    await ofUser.set({ acr: 'aal2' }).execute();
    const find = vi.spyOn(stack.app().get(Connections, { strict: false }), 'find');
    try {
      const connected = stack.app().get(ConnectionSource, { strict: false });
      expect(await connected.findSession(key)).toMatchObject({ acr: 'aal1', hasLostFactor: true });
      expect(find).toHaveBeenCalledTimes(1);
      await ofUser.set({ sealed: 'not a token of ours', checked_at: 0 }).execute();
      expect(await connected.findUser(key.subject)).toBeUndefined();
      expect(find).toHaveBeenCalledTimes(2);
    } finally {
      find.mockRestore();
    }
  });

  it('that the provider refuses ends this session, and no other of the user', async () => {
    const { agent, ...person } = await known();
    const key = await sessionKeyOf(stack, person);
    const elsewhere = newAgent();
    await logInByCompany(elsewhere, person);
    // Somebody has used the refresh token of the first session before: RFC 9700 section 4.14.
    await query()
      .updateTable('connection_sessions')
      .set({ sealed: 'not a token of ours' })
      .where('id', '=', key.id)
      .execute();
    stack.shiftClock(660);
    expect([await statusOf(agent), await statusOf(elsewhere)]).toEqual([401, 200]);
  });

  it('is no end while the provider refuses this deployment, or answers nonsense', async () => {
    const { agent } = await known();
    stack.shiftClock(660);
    staff.wire.html();
    expect(await statusOf(agent)).toBe(200);
    staff.wire.reset();
    const wrong = openIdConnection(issuer, { client_secret: 'not the secret of the client' });
    await stack.restartGateway({ CONNECTIONS: JSON.stringify([wrong]) });
    try {
      stack.shiftClock(1320);
      expect(await statusOf(agent)).toBe(200);
    } finally {
      await stack.restartGateway({ CONNECTIONS: JSON.stringify(connections) });
    }
    stack.shiftClock(1980);
    const before = countTokenRequests();
    expect(await statusOf(agent)).toBe(200);
    expect(countTokenRequests()).toBe(before + 1);
  });

  it.each([403, 404, 429])('is no end because the provider answers %i about the user', async (status) => {
    const { agent, ...person } = await known();
    const key = await sessionKeyOf(stack, person);
    staff.wire.refuse('/me', status);
    stack.shiftClock(660);
    expect(await statusOf(agent)).toBe(200);
    await expect(source().findSession(key)).rejects.toMatchObject({ code: 'provider_unavailable' });
    // A reset cuts connections, which the next question may still try.
    staff.wire.reset();
    await expect
      .poll(
        async () =>
          (
            await source()
              .findSession(key)
              .catch(() => undefined)
          )?.isActive,
      )
      .toBe(true);
  });

  it('stores the next refresh token, whatever becomes of the rest of the answer', async () => {
    const { agent, ...person } = await known();
    const { id } = await sessionKeyOf(stack, person);
    const grantOf = async (): Promise<{ sealed: string | null; checking_until: unknown }> =>
      query()
        .selectFrom('connection_sessions')
        .select(['sealed', 'checking_until'])
        .where('id', '=', id)
        .executeTakeFirstOrThrow();
    const before = await grantOf();
    staff.wire.rewrite(staff.tokenPath, async (body) => ({
      ...body,
      id_token: await staff.provider.keys.forge(decodeJwt(String(body['id_token']))),
    }));
    stack.shiftClock(660);
    expect(await statusOf(agent)).toBe(200);
    const after = await grantOf();
    expect([after.sealed === before.sealed, after.checking_until]).toEqual([false, null]);
    staff.wire.reset();
    stack.shiftClock(1320);
    expect(await statusOf(agent)).toBe(200);
  });

  it.each(['refused by the provider', 'logged out'])(
    'of another application’s tokens ends its access once the user is %s',
    async (way) => {
      const { agent, ...person } = await known();
      const { id } = await sessionKeyOf(stack, person);
      const back = 'https://calendar.example/back';
      const scope = 'openid offline_access';
      const client = await ory.createClient({
        redirect_uris: [back],
        scope,
        grant_types: ['authorization_code', 'refresh_token'],
      });
      const app = new OAuthApp(stack.url, client, back);
      const { path, verifier } = app.authorize({ audience: undefined, scope });
      const fields = { grant_scope: 'offline_access' };
      const allowed = await agent.submit(await agent.navigate(path), fields, {
        name: 'decision',
        value: 'allow',
      });
      let tokens = tokensOf(await app.exchange(agent, codeOf(allowed), verifier));
      const refresh = async (): Promise<Page> =>
        app.token(newAgent(), { grant_type: 'refresh_token', refresh_token: tokens.refresh_token ?? '' });
      stack.shiftClock(660);
      const fresh = await refresh();
      expect(fresh.status).toBe(200);
      tokens = tokensOf(fresh);
      if (way === 'logged out') {
        await agent.post('/auth/logout', {});
      } else {
        const sessions = query().updateTable('connection_sessions').where('id', '=', id);
        await sessions.set({ sealed: 'not a token of ours' }).execute();
      }
      stack.shiftClock(1320);
      const refused = await refresh();
      expect([refused.status, refused.json()]).toMatchObject([400, { error: 'invalid_grant' }]);
    },
  );

  it('keeps no refresh token as it is, and none after the end', async () => {
    const { agent, ...person } = await known();
    const { id } = await sessionKeyOf(stack, person);
    const sealedOf = async (): Promise<string | null> =>
      (
        await query()
          .selectFrom('connection_sessions')
          .select('sealed')
          .where('id', '=', id)
          .executeTakeFirstOrThrow()
      ).sealed;
    // A JWE (RFC 7516) with the key of this purpose.
    expect(await sealedOf()).toMatch(/^[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+$/);
    await agent.post('/auth/logout', {});
    expect(await sealedOf()).toBeNull();
  });

  it('follows groups, of which some are admitted', async () => {
    const admitted = staff.employ({ extra: { groups: ['products'] } });
    const stranger = staff.employ({ extra: { groups: ['guests'] } });
    await stack.restartGateway({
      CONNECTIONS: JSON.stringify([openIdConnection(issuer, { allowed_groups: ['products'] })]),
    });
    try {
      const agent = newAgent();
      await logInByCompany(agent, admitted);
      expect(await statusOf(agent)).toBe(200);
      const refused = newAgent();
      const page = await logInByCompany(refused, stranger);
      expect([page.status, alertOn(page)]).toEqual([
        403,
        'Your account at Example Ltd. may not be used here. Ask your administrator.',
      ]);
      expect(await statusOf(refused)).toBe(401);
      const rowsOf = async ({ email }: Employee): Promise<readonly { state: string }[]> =>
        query().selectFrom('connection_identities').select('state').where('email', '=', email).execute();
      // Nothing is stored about a user who never got in.
      expect([await rowsOf(admitted), await rowsOf(stranger)]).toEqual([[{ state: 'active' }], []]);
      const moved = staff.employ({ sub: admitted.sub, email: admitted.email, extra: { groups: [] } });
      expect((await logInByCompany(newAgent(), moved)).status).toBe(403);
      expect(await rowsOf(admitted)).toEqual([{ state: 'not_admitted' }]);
      stack.shiftClock(660);
      expect(await statusOf(agent)).toBe(401);
    } finally {
      await stack.restartGateway({ CONNECTIONS: JSON.stringify(connections) });
    }
  });
});

describe('a session ends', () => {
  /** Reports that somebody was logged out at the provider. */
  async function report(sub: string): Promise<number> {
    const iat = Math.floor(Date.now() / 1000);
    const claims = {
      iss: issuer,
      aud: 'vestibule',
      iat,
      exp: iat + 60,
      jti: `${sub} ${performance.now()}`,
      sub,
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
    };
    const answer = await fetch(`${stack.url}/auth/connections/staff/backchannel-logout`, {
      method: 'POST',
      body: new URLSearchParams({ logout_token: await staff.provider.keys.sign(claims) }),
    });
    return answer.status;
  }

  it('before it begins, if the logout comes while the code is exchanged, and the next login is another one', async () => {
    const person = staff.employ();
    const agent = newAgent();
    const answer = await answered(agent, person);
    const before = countTokenRequests();
    const release = staff.wire.hold(staff.tokenPath);
    const brought = bring(agent, answer);
    await waitUntil(async () => countTokenRequests() > before, 'the code to be exchanged');
    expect(await report(person.sub)).toBe(200);
    release();
    expect(alertOn(await brought)).toBe(declined);
    expect(await statusOf(agent)).toBe(401);
    const again = newAgent();
    await logInByCompany(again, person);
    expect(await statusOf(again)).toBe(200);
  });

  it('before it begins, if the logout comes once the connection has confirmed the login', async () => {
    const person = staff.employ();
    const strategy = stack.app().get(AuthStrategy, { strict: false });
    const validate = strategy.validate.bind(strategy);
    const reports: number[] = [];
    const during = vi.spyOn(strategy, 'validate').mockImplementationOnce(async (...given) => {
      const validated = await validate(...given);
      reports.push(await report(person.sub));
      return validated;
    });
    const agent = newAgent();
    await logInByCompany(agent, person);
    during.mockRestore();
    expect(reports).toEqual([200]);
    expect(await statusOf(agent)).toBe(401);
  });

  it('at once when the user logs out at the provider, which tells it by back-channel', async () => {
    const [one, two] = [await known(), await known()];
    const elsewhere = newAgent();
    await logInByCompany(elsewhere, one);
    const page = (await travel(one.agent, `${issuer}/session/end`)).page;
    const { action, body } = formOf(page, {}, { name: 'logout', value: 'yes' });
    await travel(one.agent, action, undefined, body);
    expect(await statusOf(one.agent)).toBe(401);
    // Other sessions at the provider are others here.
    expect([await statusOf(elsewhere), await statusOf(two.agent)]).toEqual([200, 200]);
    expect(pathOf(await one.agent.navigate('/auth/login'))).toBe('/ui/identify');
  });

  it('of all of a user, by a logout token with their subject alone; and each token is good once [L18]', async () => {
    const { agent, sub } = await known();
    const claims = {
      iss: issuer,
      aud: 'vestibule',
      iat: Math.floor(Date.now() / 1000),
      exp: Math.floor(Date.now() / 1000) + 60,
      jti: createHash('sha256').update(sub).digest('hex'),
      sub,
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
    };
    const send = (token: string, id = 'staff'): Promise<Response> =>
      fetch(`${stack.url}/auth/connections/${id}/backchannel-logout`, {
        method: 'POST',
        body: new URLSearchParams({ logout_token: token }),
      });
    const { keys } = staff.provider;
    const refused: readonly [string, string?][] = [
      [await keys.forge(claims)],
      [await keys.sign({ ...claims, aud: 'another' })],
      [await keys.sign({ ...claims, iss: 'https://evil.test' })],
      [await keys.sign({ ...claims, iat: claims.iat - 3600, exp: claims.exp - 3600 })],
      [await keys.sign({ ...claims, nonce: 'x' })],
      [await keys.sign(claims), 'other'],
    ];
    for (const [token, id] of refused) {
      expect((await send(token, id)).status).toBe(400);
    }
    expect((await send(await keys.sign(claims), 'none')).status).toBe(404);
    expect(await statusOf(agent)).toBe(200);
    const token = await keys.sign(claims);
    expect((await send(token)).status).toBe(200);
    expect(await statusOf(agent)).toBe(401);
    expect((await send(token)).status).toBe(400);
  });

  it('each of a user, also if the database fails at one of them and the provider tries again', async () => {
    const { sub, agent, ...person } = await known();
    const others = [newAgent(), newAgent()];
    for (const other of others) {
      await logInByCompany(other, person);
    }
    const agents = [agent, ...others];
    const { access_token: token } = await OAuthApp.spa(stack.url).login(others[0] ?? agent);
    const ask = async (): Promise<number> =>
      (await fetch(`${stack.url}/ory/hydra/userinfo`, { headers: { authorization: `Bearer ${token}` } }))
        .status;
    const { subject } = await sessionKeyOf(stack, person);
    const rows = await query()
      .selectFrom('sessions')
      .select('id')
      .where('subject', '=', subject)
      .orderBy('id')
      .execute();
    expect([rows.length, await ask()]).toEqual([3, 200]);
    const now = Math.floor(Date.now() / 1000);
    const logoutToken = await staff.provider.keys.sign({
      iss: issuer,
      aud: 'vestibule',
      iat: now,
      exp: now + 60,
      jti: createHash('sha256').update(`three of ${sub}`).digest('hex'),
      sub,
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
    });
    const send = async (): Promise<number> => {
      const body = new URLSearchParams({ logout_token: logoutToken });
      return (await fetch(`${stack.url}/auth/connections/staff/backchannel-logout`, { method: 'POST', body }))
        .status;
    };
    await sql`create trigger broken before update on sessions when old.id = ${sql.lit(rows[1]?.id)}
      begin select raise(abort, 'disk I/O error'); end`.execute(query());
    try {
      expect(await send()).toBeGreaterThanOrEqual(500);
      expect(await statusOf(others[0] ?? agent)).toBe(200);
    } finally {
      await sql`drop trigger broken`.execute(query());
    }
    expect(await send()).toBe(200);
    expect(await Promise.all(agents.map(statusOf))).toEqual([401, 401, 401]);
    expect(await ask()).toBe(401);
    const live = await query()
      .selectFrom('connection_sessions')
      .select('id')
      .where('identity_id', '=', subject)
      .where('ended_at', 'is', null)
      .execute();
    expect(live).toEqual([]);
    expect(await send()).toBe(400);
  });

  it('without refresh tokens, after session_ttl', async () => {
    const ports = await companyPorts();
    const connection = openIdConnection(ports.issuer, { session_ttl: '30m' });
    await stack.restartGateway({ CONNECTIONS: JSON.stringify([connection]) });
    const company = await startCompany(stack.url, ports, {
      metadata: { grant_types: ['authorization_code'] },
    });
    try {
      const agent = newAgent();
      await logInByCompany(agent, company.employ());
      stack.shiftClock(660);
      expect(await statusOf(agent)).toBe(200);
      stack.shiftClock(1860);
      expect(await statusOf(agent)).toBe(401);
    } finally {
      await company.stop();
      await stack.restartGateway({ CONNECTIONS: JSON.stringify(connections) });
    }
  });

  it('when its connection is removed, or leads to another provider', async () => {
    const [one, two] = [await known(), await known()];
    await stack.restartGateway({ CONNECTIONS: '[]' });
    try {
      stack.shiftClock(660);
      expect(await statusOf(one.agent)).toBe(401);
      stack.shiftClock(0);
      await stack.restartGateway({ CONNECTIONS: JSON.stringify([openIdConnection(`${issuer}/another`)]) });
      stack.shiftClock(660);
      expect(await statusOf(two.agent)).toBe(401);
    } finally {
      await stack.restartGateway({ CONNECTIONS: JSON.stringify(connections) });
    }
  });
});

describe('while the provider', () => {
  const away = "Example Ltd. can't be reached at the moment. Try again in a minute.";

  it.each<[string, () => void]>([
    ['is down', () => staff.wire.down()],
    ['answers nothing in time', () => staff.wire.slow(60_000)],
  ])('%s: its logins get a page about it, and no others notice', async (_way, begin) => {
    // Discovery succeeded once before.
    await known();
    const person = staff.employ();
    const agent = newAgent();
    const answer = await answered(agent, person);
    begin();
    const page = await bring(agent, answer);
    expect([page.status, alertOn(page)]).toEqual([503, away]);
    const outsider = { ...newPerson(), email: `outsider-${Date.now()}@elsewhere.test` };
    await ory.createPerson(outsider);
    const own = newAgent();
    const form = await pageOfAddress(own, outsider.email);
    await own.submit(form, { identifier: outsider.email, password: outsider.password });
    expect(await statusOf(own)).toBe(200);
    staff.wire.reset();
    await expect.poll(async () => (await logInByCompany(newAgent(), person)).status).toBe(200);
  });

  it.each<[string, Readonly<Record<string, unknown>>, number]>([
    ['names another issuer', { issuer: 'https://evil.test' }, 502],
    ['has no token endpoint', { token_endpoint: undefined }, 502],
    ['has an endpoint that is no URL', { authorization_endpoint: 'javascript:alert(1)' }, 502],
    ['has no metadata but a page', {}, 503],
  ])('%s: a page says so, and nothing is a 500', async (_way, change, status) => {
    const ports = await companyPorts();
    await stack.restartGateway({ CONNECTIONS: JSON.stringify([openIdConnection(ports.issuer)]) });
    const company = await startCompany(stack.url, ports);
    if (status === 503) {
      company.wire.html();
    } else {
      company.wire.rewrite('/.well-known/openid-configuration', (body) => ({ ...body, ...change }));
    }
    try {
      const agent = newAgent();
      const shown = await goToCompany(agent, await pageOfAddress(agent, 'ada@example.org'));
      expect([shown.status, alertOn(shown)]).toEqual([status, expect.stringContaining('Example Ltd.')]);
    } finally {
      await company.stop();
      await stack.restartGateway({ CONNECTIONS: JSON.stringify(connections) });
    }
  });

  it('describes the user in no way that can be read: a page says so', async () => {
    const person = staff.employ();
    staff.wire.rewrite('/me', (body) => ({ ...body, name: 7, email: ['x'], email_verified: 'perhaps' }));
    const page = await logInByCompany(newAgent(), person);
    expect([page.status, alertOn(page)]).toEqual([503, away]);
  });

  it.each<[string, Readonly<Record<string, unknown>>]>([
    ['endless claims', { groups: Array.from({ length: 20_000 }, (_, index) => `group ${index}`) }],
    ['groups of other types', { groups: [1, null, { a: 1 }, 'b'] }],
    ['claims that fit into no row', { name: 'a\u0000b', groups: ['a\u0000b'] }],
  ])('reports %s: what cannot be used is left out', async (_way, claims) => {
    const person = staff.employ();
    staff.wire.rewrite('/me', (body) => ({ ...body, ...claims }));
    const agent = newAgent();
    await logInByCompany(agent, person);
    expect(await statusOf(agent)).toBe(200);
  });
});

describe('a provider that binds a client to one way of sending its secret', () => {
  it('is found out by the test, and served by the setting', async () => {
    // Hydra is one: the gateway itself may be the provider of another.
    const { id, secret } = await ory.createClient({
      client_id: 'strict',
      redirect_uris: [`${stack.url}/auth/connections/strict/callback`],
    });
    const stepsWith = async (changes: object): Promise<readonly (string | null)[]> => {
      const entry = openIdConnection(`${stack.url}/ory/hydra`, {
        id: 'strict',
        client_id: id,
        client_secret: secret,
        ...changes,
      });
      const configuration = oryConfigurationOf({ ...stack.env, CONNECTIONS: JSON.stringify([entry]) });
      const calls = UpstreamCalls.unobserved();
      const kinds = await ConnectionKinds.load(configuration);
      const parts = { kinds, publicUrl: stack.url, clock: new Clock(), calls, unconfirmedLife: 3600 };
      const [settings] = configuration.CONNECTIONS;
      const steps = settings && (await testConnection(connectionOf(settings, parts), stack.url, undefined));
      return steps?.map(({ step, fault }) => (fault === null ? step : `${step}: ${fault}`)) ?? [];
    };
    expect((await stepsWith({})).at(-1)).toBe('client: client_method');
    expect((await stepsWith({ token_endpoint_auth_method: 'client_secret_basic' })).at(-1)).toBe('client');
    expect((await stepsWith({ client_secret: 'another' })).at(-1)).toBe('client: client_refused');
  });
});

function oryConfigurationOf(env: Readonly<Record<string, string>>): OryConfiguration {
  const configuration = loadConfiguration(env, ownFeatures);
  if (configuration.AUTH_PROVIDER !== 'ory') {
    throw new Error('connections are of Ory');
  }
  return configuration;
}
