import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AuditService } from '../../../directory/audit/audit.service.js';
import { Database } from '../../../platform/database/database.schema.js';
import { IdentitySource } from '../../../providers/ory/sources/identity-source.js';
import { promote } from '../../../../test/support/administrator.js';
import { OAuthApp } from '../../../../test/support/oauth.app.js';
import { OryAdmin } from '../../../../test/support/ory.admin.js';
import { newPerson, type Person } from '../../../../test/support/person.js';
import { type SlapdServer, startSlapd } from '../../../../test/support/slapd.server.js';
import {
  addPerson,
  ldapConnection,
  logInByDirectory,
  sessionKeyOf,
} from '../../../../test/support/source.driver.js';
import { type Stack, startStack } from '../../../../test/support/stack.js';
import { type Page, UserAgent } from '../../../../test/support/user-agent.js';

let slapd: SlapdServer;
let stack: Stack;
let ory: OryAdmin;

beforeAll(async () => {
  slapd = await startSlapd();
  stack = await startStack({
    env: {
      CONNECTIONS: JSON.stringify([
        ldapConnection(slapd),
        ldapConnection(slapd, { id: 'by-name', name: 'The Other Ltd.', domains: [] }),
      ]),
    },
  });
  ory = new OryAdmin(stack.env);
});

afterEach(() => {
  stack.shiftClock(0);
});

afterAll(async () => {
  await stack?.stop();
  await slapd?.stop();
});

const newAgent = (): UserAgent => new UserAgent(stack.url);
const pathOf = ({ url }: Page): string => new URL(url).pathname;
const query = () => stack.app().get(Database, { strict: false }).query;

/** Somebody of the directory who has logged in. */
async function known(): Promise<Awaited<ReturnType<typeof addPerson>> & { readonly agent: UserAgent }> {
  const person = await addPerson(slapd);
  const agent = newAgent();
  await logInByDirectory(agent, person);
  expect((await agent.fetch('/auth/session')).status).toBe(200);
  return { ...person, agent };
}

/** The page that asks for the password at the connection of this address. */
async function passwordPage(agent: UserAgent, email: string): Promise<Page> {
  return agent.submit(await agent.navigate('/auth/login'), { identifier: email });
}

/** What stands on a page as its message. */
const alertOf = (page: Page): string | undefined => page.html().querySelector('[role=alert]')?.text.trim();

describe('the login page', () => {
  it('asks for the address first, and leads by its domain to the directory', async () => {
    const agent = newAgent();
    const first = await agent.navigate('/auth/login');
    expect([pathOf(first), first.status]).toEqual(['/ui/identify', 200]);
    expect(first.html().querySelector('input[type=password]')).toBeNull();
    const second = await agent.submit(first, { identifier: 'Ada@EXAMPLE.org ' });
    expect(pathOf(second)).toBe('/ui/connections/staff');
    expect(second.html().querySelector('#login')?.getAttribute('value')).toBe('Ada@EXAMPLE.org');
    expect(second.text).toContain('Example Ltd.');
  });

  it('leads any other address to the password page of Kratos, filled in, and no URL names it', async () => {
    const person = newPerson();
    const other = { ...person, email: person.email.replace('example.org', 'elsewhere.test') };
    await ory.createPerson(other, { isVerified: true });
    const agent = newAgent();
    const page = await passwordPage(agent, other.email);
    expect(pathOf(page)).toBe('/ui/login');
    expect(page.url).not.toContain('elsewhere');
    expect(page.html().querySelector('input[name=identifier]')?.getAttribute('value')).toBe(other.email);
    await agent.submit(page, { identifier: other.email, password: other.password });
    expect((await agent.fetch('/auth/session')).json()).toMatchObject({ user: { email: other.email } });
  });

  it('lets a user with an account here in, also with an address that leads to the directory', async () => {
    const person = newPerson();
    await ory.createPerson(person, { isVerified: true });
    const agent = newAgent();
    const first = await agent.navigate('/auth/login');
    const link = first.html().querySelector('a[href*="/self-service/login/"]');
    const page = await agent.navigate(link?.getAttribute('href')?.replaceAll('&amp;', '&') ?? '');
    await agent.submit(page, { identifier: person.email, password: person.password });
    expect((await agent.fetch('/auth/session')).json()).toMatchObject({ user: { email: person.email } });
  });

  it.each(['', 'ada', '@example.org', 'ada@sub.example.org', 'ada@evil-example.org'])(
    'sends %j to no directory',
    async (address) => {
      expect(pathOf(await passwordPage(newAgent(), address))).toBe('/ui/login');
    },
  );

  it('refuses two addresses in one', async () => {
    const page = await passwordPage(newAgent(), 'ada@example.org@evil.test');
    expect([page.status, page.text.includes('identifier_refused')]).toEqual([400, true]);
  });

  it('offers by name a directory that has no domain', async () => {
    const person = await addPerson(slapd);
    const agent = newAgent();
    const first = await agent.navigate('/auth/login');
    const link = first.html().querySelector('a[href^="/ui/connections/by-name"]');
    const second = await agent.navigate(link?.getAttribute('href')?.replaceAll('&amp;', '&') ?? '');
    await agent.submit(second, { login: person.uid, password: person.password });
    // Without a domain of its own, a directory proves no address.
    expect((await agent.fetch('/auth/session')).json()).toMatchObject({
      user: { email: person.email, emailVerified: false },
    });
  });

  it('is in the language of the browser', async () => {
    const agent = newAgent();
    const page = await agent.navigate('/auth/login', { headers: { 'accept-language': 'de' } });
    const again = await agent.navigate(page.url, { headers: { 'accept-language': 'de' } });
    expect(again.text).toContain('Geben Sie Ihre E-Mail-Adresse ein.');
  });

  it('belongs to the browser that the login was begun in', async () => {
    const person = await addPerson(slapd);
    const page = await passwordPage(newAgent(), person.email);
    const challenge = new URL(page.url).searchParams.get('login_challenge') ?? '';
    const body = new URLSearchParams({
      login_challenge: challenge,
      login: person.email,
      password: person.password,
    });
    const elsewhere = newAgent();
    const answer = await elsewhere.request('/ui/connections/staff', {
      method: 'POST',
      body,
      headers: { origin: stack.url },
    });
    expect([answer.status, answer.text.includes('challenge_rejected')]).toEqual([403, true]);
    expect(await elsewhere.cookie('vestibule-connection')).toBeUndefined();
    for (const path of ['/ui/identify', '/ui/connections/staff']) {
      expect((await elsewhere.navigate(`${path}?login_challenge=${challenge}`)).status).toBe(403);
      expect((await elsewhere.navigate(path)).status).toBe(403);
    }
    expect((await elsewhere.navigate(`/ui/connections/none?login_challenge=${challenge}`)).status).toBe(404);
  });

  it('takes no form of another site', async () => {
    const person = await addPerson(slapd);
    const agent = newAgent();
    const page = await passwordPage(agent, person.email);
    const challenge = new URL(page.url).searchParams.get('login_challenge') ?? '';
    const fields = { login_challenge: challenge, login: person.email, password: person.password };
    const answer = await agent.request('/ui/connections/staff', {
      method: 'POST',
      body: new URLSearchParams(fields),
      headers: { origin: 'https://evil.test', 'sec-fetch-site': 'cross-site' },
    });
    expect(answer.status).toBe(403);
    expect(await agent.cookie('vestibule-connection')).toBeUndefined();
  });
});

describe('an account at the directory', () => {
  it.each([
    [{ pwdAccountLockedTime: '000001010000Z' }, 'Your account at Example Ltd. is disabled.'],
    [{ pwdEndTime: '20200101000000Z' }, 'Your account at Example Ltd. has expired.'],
    [{ pwdReset: 'TRUE' }, 'You must change your password at Example Ltd. first.'],
  ])('with %j gets a page that says why: %s', async (attributes, words) => {
    const person = await addPerson(slapd);
    await slapd.set(person.dn, attributes);
    const agent = newAgent();
    const page = await logInByDirectory(agent, person);
    expect([page.status, alertOf(page)]).toEqual([422, expect.stringContaining(words)]);
    expect((await agent.fetch('/auth/session')).status).toBe(401);
    // To somebody who doesn't know the password, it is no other than any account.
    const wrong = await logInByDirectory(newAgent(), { ...person, password: 'wrong' });
    const nobody = await logInByDirectory(newAgent(), { email: 'nobody@example.org', password: 'wrong' });
    expect([alertOf(wrong), wrong.status]).toEqual([alertOf(nobody), nobody.status]);
    expect(alertOf(wrong)).toBe('The user name or the password is wrong.');
  });

  it('that may not log in is stored only if it could before', async () => {
    const rowsOf = async ({ email }: Person): Promise<readonly { state: string }[]> =>
      query().selectFrom('connection_identities').select('state').where('email', '=', email).execute();
    const person = await addPerson(slapd);
    const { agent, ...former } = await known();
    for (const { dn } of [person, former]) {
      await slapd.set(dn, { pwdAccountLockedTime: '000001010000Z' });
    }
    expect((await logInByDirectory(newAgent(), person)).status).toBe(422);
    expect((await logInByDirectory(newAgent(), former)).status).toBe(422);
    expect([await rowsOf(person), await rowsOf(former)]).toEqual([[], [{ state: 'disabled' }]]);
    stack.shiftClock(660);
    expect((await agent.fetch('/auth/session')).status).toBe(401);
  });

  it('that is disabled and enabled again needs a new login', async () => {
    const { agent, dn, ...person } = await known();
    await slapd.set(dn, { pwdAccountLockedTime: '000001010000Z' });
    stack.shiftClock(660);
    expect((await agent.fetch('/auth/session')).status).toBe(401);
    await slapd.set(dn, { pwdAccountLockedTime: [] });
    expect((await agent.fetch('/auth/session')).status).toBe(401);
    stack.shiftClock(0);
    const page = await agent.navigate('/auth/login');
    expect(pathOf(page)).toBe('/ui/identify');
    await logInByDirectory(agent, person);
    expect((await agent.fetch('/auth/session')).status).toBe(200);
  });

  it('whose name and address change is followed at the renewal', async () => {
    const { agent, dn, email } = await known();
    await slapd.set(dn, { cn: 'Ada of the Directory', mail: `new-${email}` });
    stack.shiftClock(660);
    expect((await agent.fetch('/auth/session')).json()).toMatchObject({
      user: { name: 'Ada of the Directory', email: `new-${email}`, emailVerified: true },
    });
  });

  it('never takes over an account by an address', async () => {
    const person = await addPerson(slapd);
    await ory.createPerson(person, { isVerified: true });
    const own = newAgent();
    const page = await own.navigate(
      `/ory/kratos/self-service/login/browser?${new URLSearchParams({ return_to: `${stack.url}/auth/login` })}`,
    );
    await own.submit(page, { identifier: person.email, password: person.password });
    const mine = (await own.fetch('/auth/session')).json();
    const agent = newAgent();
    await logInByDirectory(agent, person);
    const theirs = (await agent.fetch('/auth/session')).json();
    expect([mine, theirs]).toMatchObject([{ user: { email: person.email } }, { provider: 'ory' }]);
    expect(Reflect.get(Object(Reflect.get(Object(mine), 'user')), 'id')).not.toBe(
      Reflect.get(Object(Reflect.get(Object(theirs), 'user')), 'id'),
    );
  });
});

it('the account page of its user leads to no setting that they do not have', async () => {
  const { agent, password, email, name } = await known();
  const page = await agent.navigate('/');
  expect(page.text).toContain(email);
  expect(page.text).toContain('To change how you log in, go to your login provider.');
  expect(page.html().querySelectorAll('main a[href^="/ui/"]')).toEqual([]);
  const changed = await agent.fetch('/api/v1/me', {
    method: 'PATCH',
    body: JSON.stringify({ name: 'Another' }),
    headers: { 'content-type': 'application/json', origin: stack.url },
  });
  expect([changed.status, changed.json()]).toMatchObject([403, { code: 'forbidden' }]);
  const data = await agent.fetch('/api/v1/me/export');
  expect(data.json()).toMatchObject({ connections: [{ connection: 'staff', email, name, state: 'active' }] });
  expect(data.text).not.toContain(password);
});

it('a login at Kratos ends the browser’s session at the directory', async () => {
  const { agent, ...person } = await known();
  const key = await sessionKeyOf(stack, person);
  const other = newPerson();
  await ory.createPerson(other, { isVerified: true });
  const flow = await agent.navigate(
    `/ory/kratos/self-service/login/browser?${new URLSearchParams({ return_to: `${stack.url}/auth/login` })}`,
  );
  await agent.submit(flow, { identifier: other.email, password: other.password });
  expect((await agent.fetch('/auth/session')).json()).toMatchObject({ user: { email: other.email } });
  const source = stack.app().get(IdentitySource, { strict: false });
  expect(await source.findSession(key)).toBeUndefined();
  await agent.post('/auth/logout', {});
  expect(pathOf(await agent.navigate('/auth/login'))).toBe('/ui/identify');
});

describe('a login', () => {
  it('with max_age=0 asks for the password again', async () => {
    const { agent, ...person } = await known();
    const page = await agent.navigate('/auth/login?max_age=0');
    expect(pathOf(page)).toBe('/ui/connections/staff');
    const before = await sessionKeyOf(stack, person);
    await agent.submit(page, { login: person.email, password: person.password });
    expect((await agent.fetch('/auth/session')).status).toBe(200);
    expect((await sessionKeyOf(stack, person)).id).not.toBe(before.id);
  });

  it('that requires a second factor ends at a page that says that the directory asks for none [M10]', async () => {
    const { agent } = await known();
    const page = await agent.navigate('/auth/login?acr_values=aal2');
    expect([page.status, pathOf(page)]).toEqual([200, '/ui/second-factor']);
    expect(page.text).toContain('none can be set up here');
    expect(page.html().querySelectorAll('main a.button')).toEqual([]);
  });

  it('serves other applications, which learn of its end', async () => {
    const { agent, dn, email } = await known();
    const app = OAuthApp.spa(stack.url);
    const { access_token: token } = await app.login(agent);
    const ask = (): Promise<Response> =>
      fetch(`${stack.url}/ory/hydra/userinfo`, { headers: { authorization: `Bearer ${token}` } });
    expect(await (await ask()).json()).toMatchObject({ email, email_verified: true });
    expect((await agent.post('/auth/login', { accessToken: token })).status).toBe(200);
    await slapd.set(dn, { pwdAccountLockedTime: '000001010000Z' });
    stack.shiftClock(60);
    expect((await agent.post('/auth/login', { accessToken: token })).status).toBe(401);
  });

  it('ends with Hydra’s session, as its logout tokens tell', async () => {
    const { agent, ...person } = await known();
    const { oidc_sid: sid } = await query()
      .selectFrom('sessions')
      .select('oidc_sid')
      .where('subject', '=', (await sessionKeyOf(stack, person)).subject)
      .executeTakeFirstOrThrow();
    await fetch(`${stack.env['HYDRA_ADMIN_URL']}/admin/oauth2/auth/sessions/login?sid=${sid}`, {
      method: 'DELETE',
    });
    await expect.poll(async () => (await agent.fetch('/auth/session')).status).toBe(401);
  });

  it('of a user whom an administrator disables, or deletes, is over at once, and nothing of them stays', async () => {
    const { agent, ...person } = await known();
    const administrator = await known();
    const idOf = async ({ email }: Person): Promise<string> =>
      (await query().selectFrom('users').select('id').where('email', '=', email).executeTakeFirstOrThrow())
        .id;
    await promote(stack.app(), await idOf(administrator));
    const chief = newAgent();
    await logInByDirectory(chief, administrator);
    const id = await idOf(person);
    const { subject } = await sessionKeyOf(stack, person);
    const disabled = await chief.fetch(`/api/v1/users/${id}/disable`, {
      method: 'POST',
      headers: { origin: stack.url },
    });
    expect([disabled.status, (await agent.fetch('/auth/session')).status]).toEqual([200, 401]);
    const page = await logInByDirectory(agent, person);
    expect(page.status).toBe(403);
    const deleted = await chief.fetch(`/api/v1/users/${id}`, {
      method: 'DELETE',
      headers: { origin: stack.url },
    });
    expect(deleted.status).toBe(204);
    const left = await query()
      .selectFrom('connection_identities')
      .selectAll()
      .where('id', '=', subject)
      .execute();
    expect(left).toEqual([]);
  });
});

it('a password is nowhere: not in logs, answers, the audit trail or the database', async () => {
  const { password, email, agent } = await known();
  const wrong = 'a wrong password that is nowhere';
  const page = await logInByDirectory(newAgent(), { email, password: wrong });
  expect(page.text).not.toContain(wrong);
  await slapd.kill();
  try {
    const away = await logInByDirectory(newAgent(), { email, password });
    expect([away.status, away.text.includes(password)]).toEqual([503, false]);
  } finally {
    await slapd.start();
  }
  await stack.app().get(AuditService, { strict: false }).flush();
  const tables = [
    'audit_events',
    'connection_identities',
    'connection_sessions',
    'sessions',
    'users',
  ] as const;
  const rows = await Promise.all(tables.map((table) => query().selectFrom(table).selectAll().execute()));
  const everything = JSON.stringify([rows, stack.log, stack.oryLog]);
  expect(everything).not.toContain(password);
  expect(everything).not.toContain(wrong);
  expect(everything).toContain('wrong_password');
  expect((await agent.fetch('/auth/session')).status).toBe(200);
});

describe('while the directory', () => {
  const ways: readonly [string, () => Promise<void>, () => Promise<void>][] = [
    ['is down', () => slapd.kill(), () => slapd.start()],
    ['answers nothing', async () => slapd.freeze(), async () => slapd.thaw()],
  ];

  it.each(ways)('%s: its logins get a page about it, and nobody else notices', async (_way, begin, end) => {
    const [one, other] = [await known(), newPerson()];
    await ory.createPerson({ ...other, email: `${other.email}.test` });
    await begin();
    try {
      const page = await logInByDirectory(newAgent(), one);
      expect([page.status, alertOf(page)]).toEqual([
        503,
        'Example Ltd. can’t be reached at the moment. Try again in a minute.'.replace('’', "'"),
      ]);
      expect(stack.log.filter((line) => line.includes('"reason":"directory_unreachable"'))).not.toEqual([]);
      // Tokens that are live, and those that must be renewed: the grace begins.
      for (const seconds of [0, 660, 1320, 3500]) {
        stack.shiftClock(seconds);
        const statuses = await Promise.all(
          Array.from({ length: 20 }, async () => (await one.agent.fetch('/auth/session')).status),
        );
        expect(new Set(statuses)).toEqual(new Set([200]));
      }
      stack.shiftClock(0);
      const agent = newAgent();
      const second = await passwordPage(agent, `${other.email}.test`);
      await agent.submit(second, { identifier: `${other.email}.test`, password: other.password });
      expect((await agent.fetch('/auth/session')).status).toBe(200);
      // The grace is an hour, as for every provider.
      stack.shiftClock(5000);
      expect((await one.agent.fetch('/auth/session')).status).toBe(503);
    } finally {
      stack.shiftClock(0);
      await end();
    }
    await expect.poll(async () => (await logInByDirectory(newAgent(), one)).status).toBe(200);
  });

  it('shows nobody any more, nobody is gone; who is missing among others is', async () => {
    const { agent } = await known();
    const hiding = ldapConnection(slapd, { user_filter: '(employeeType=shown)' });
    await stack.restartGateway({ CONNECTIONS: JSON.stringify([hiding]) });
    try {
      stack.shiftClock(660);
      expect((await agent.fetch('/auth/session')).status).toBe(200);
      expect(stack.log.some((line) => line.includes('directory_without_users'))).toBe(true);
      await addPerson(slapd, { employeeType: 'shown' });
      stack.shiftClock(1400);
      expect((await agent.fetch('/auth/session')).status).toBe(401);
    } finally {
      await stack.restartGateway({ CONNECTIONS: JSON.stringify([ldapConnection(slapd)]) });
    }
  });
});

it('a connection that is removed ends its sessions with their renewal, and is offered no more', async () => {
  const { agent, email } = await known();
  await stack.restartGateway({ CONNECTIONS: JSON.stringify([ldapConnection(slapd, { id: 'another' })]) });
  try {
    stack.shiftClock(660);
    expect((await agent.fetch('/auth/session')).status).toBe(401);
    stack.shiftClock(0);
    expect((await agent.navigate('/ui/connections/staff')).status).toBe(404);
    expect(pathOf(await passwordPage(newAgent(), email))).toBe('/ui/connections/another');
    await stack.restartGateway({ CONNECTIONS: '[]', ORG_CONNECTION_KINDS: 'none' });
    expect(pathOf(await newAgent().navigate('/auth/login'))).toBe('/ui/login');
    expect((await newAgent().navigate('/ui/identify')).status).toBe(404);
  } finally {
    await stack.restartGateway({
      CONNECTIONS: JSON.stringify([ldapConnection(slapd)]),
      ORG_CONNECTION_KINDS: '',
    });
  }
});

it('guesses are counted by account and network, and the right password is refused after too many', async () => {
  const person = await addPerson(slapd);
  await stack.restartGateway({ RATE_LIMIT: 'true', RATE_LIMIT_POLICIES: 'login-pair=3/15m' });
  try {
    const agent = newAgent();
    for (let count = 0; count < 3; count += 1) {
      expect((await logInByDirectory(agent, { ...person, password: 'wrong' })).status).toBe(422);
    }
    expect((await logInByDirectory(agent, person)).status).toBe(429);
    const other = await addPerson(slapd);
    await logInByDirectory(agent, other);
    expect((await agent.fetch('/auth/session')).status).toBe(200);
  } finally {
    await stack.restartGateway({ RATE_LIMIT: 'false', RATE_LIMIT_POLICIES: '' });
  }
});

it('guesses of one user are counted together, by whatever name the directory finds them [L33]', async () => {
  const [person, other] = [await addPerson(slapd), await addPerson(slapd)];
  await stack.restartGateway({ RATE_LIMIT: 'true', RATE_LIMIT_POLICIES: 'login-pair=3/15m' });
  try {
    const agent = newAgent();
    const wrong = { ...person, password: 'wrong' };
    for (const login of [person.email, person.uid]) {
      expect((await logInByDirectory(agent, wrong, login)).status).toBe(422);
    }
    // A login by either name forgets the guesses by both.
    expect((await logInByDirectory(agent, person, person.uid)).status).toBe(200);
    const guesser = newAgent();
    for (const login of [person.email, person.uid, person.email.toUpperCase()]) {
      expect((await logInByDirectory(guesser, wrong, login)).status).toBe(422);
    }
    for (const login of [person.uid, person.email]) {
      const page = await logInByDirectory(guesser, person, login);
      expect([page.status, page.text.includes('rate_limited')]).toEqual([429, true]);
    }
    // A name without a user is answered alike, for as many guesses.
    const nobody = { ...other, email: `nobody-${other.email}` };
    const answers: [number, string | undefined][] = [];
    for (let count = 0; count < 4; count += 1) {
      const { status, headers } = await logInByDirectory(newAgent(), nobody);
      answers.push([status, headers.get('ratelimit')?.replaceAll(/t=\d+/g, 't')]);
    }
    const known: typeof answers = [];
    for (let count = 0; count < 4; count += 1) {
      const { status, headers } = await logInByDirectory(newAgent(), { ...other, password: 'wrong' });
      known.push([status, headers.get('ratelimit')?.replaceAll(/t=\d+/g, 't')]);
    }
    expect(answers.map(([status]) => status)).toEqual([422, 422, 422, 429]);
    expect(answers.map(([, header]) => header?.replace(/"login-address"[^,]*/, ''))).toEqual(
      known.map(([, header]) => header?.replace(/"login-address"[^,]*/, '')),
    );
  } finally {
    await stack.restartGateway({ RATE_LIMIT: 'false', RATE_LIMIT_POLICIES: '' });
  }
});
