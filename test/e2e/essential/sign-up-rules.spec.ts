import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Database } from '../../../src/platform/database/database.schema.js';
import { promote } from '../../support/administrator.js';
import { Mailbox } from '../../support/mailbox.js';
import { OryAdmin } from '../../support/ory.admin.js';
import { type Person, logIn, newPerson, signUp } from '../../support/person.js';
import { type Stack, startStack } from '../../support/stack.js';
import { type Page, UserAgent } from '../../support/user-agent.js';

const flowSchema = z.looseObject({
  id: z.string(),
  ui: z.looseObject({
    nodes: z.array(
      z.looseObject({
        attributes: z.looseObject({ name: z.string().optional(), value: z.unknown().optional() }),
        messages: z.array(z.looseObject({ text: z.string() })),
      }),
    ),
  }),
});

let stack: Stack;
/** Registered while anyone could. */
const member = newPerson();

beforeAll(async () => {
  stack = await startStack();
  const agent = new UserAgent(stack.url);
  await signUp(agent, member);
  await verify(agent, member);
});

afterAll(async () => {
  await stack?.stop();
});

/** Opens the link of the mail that verifies an address. */
async function verify(agent: UserAgent, { email }: Person): Promise<void> {
  const { link } = await new Mailbox(stack).next(email, /verify/i);
  await agent.submit(await agent.navigate(link ?? ''), {}, { name: 'method', value: 'code' });
}

async function isLoggedIn(agent: UserAgent): Promise<boolean> {
  return (await agent.fetch('/auth/session')).status === 200;
}

async function canLogIn({ email, password }: Person): Promise<boolean> {
  const agent = new UserAgent(stack.url);
  await logIn(agent, { email, password });
  return isLoggedIn(agent);
}

/** Begins a registration as a script does. */
async function begin(agent: UserAgent): Promise<Page> {
  return agent.fetch('/ory/kratos/self-service/registration/browser');
}

function csrfTokenIn(page: Page): string {
  const { nodes } = flowSchema.parse(page.json()).ui;
  return z.string().parse(nodes.find(({ attributes }) => attributes.name === 'csrf_token')?.attributes.value);
}

/** Sends a registration's form as a script does. */
async function register(agent: UserAgent, begun: Page, { email, password }: Person): Promise<Page> {
  const { id } = flowSchema.parse(begun.json());
  const body = { csrf_token: csrfTokenIn(begun), method: 'password', traits: { email }, password };
  return agent.post(`/ory/kratos/self-service/registration?flow=${id}`, body);
}

describe('SIGNUP=closed', () => {
  it('refuses every way to a new account, also one that was begun before; existing users log in [L30]', async () => {
    const before = new UserAgent(stack.url);
    const begun = await begin(before);
    await stack.restartGateway({ SIGNUP: 'closed' });
    const agent = new UserAgent(stack.url);
    const refusals = [
      await agent.navigate('/auth/signup'),
      await agent.navigate('/ui/registration'),
      await agent.navigate('/ory/kratos/self-service/registration/browser'),
      await begin(agent),
      await register(before, begun, newPerson()),
      await before.fetch(`/ory/kratos/self-service/registration?flow=${randomUUID()}`),
    ];
    expect(refusals.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403, 403]);
    expect(refusals[1]?.text).toContain('New accounts');
    expect(refusals[3]?.json()).toMatchObject({ code: 'signup_refused' });
    expect(await canLogIn(member)).toBe(true);

    const login = await agent.navigate('/auth/login');
    expect(login.text).toContain('New accounts');
    expect(login.text).not.toContain('/ui/registration');
    expect(login.text).not.toContain('/auth/signup');
  });

  describe('an invite', () => {
    const chief = newPerson();
    let admin: UserAgent;
    let adminId: string;

    beforeAll(async () => {
      await new OryAdmin(stack.env).createPerson(chief, { isVerified: true });
      await stack.restartGateway({ SIGNUP: 'open' });
      admin = new UserAgent(stack.url);
      await logIn(admin, chief);
      const { user } = z
        .looseObject({ user: z.looseObject({ id: z.string() }) })
        .parse((await admin.fetch('/auth/session')).json());
      adminId = user.id;
      await promote(stack.app(), adminId);
      await stack.restartGateway({ SIGNUP: 'closed' });
      await admin.navigate('/auth/login');
    });

    /** Invites an address to an account alone. @returns the link that was mailed. */
    async function inviteTo(email: string): Promise<string> {
      const answer = await admin.post('/api/v1/invites', { email });
      expect([answer.status, answer.json()]).toEqual([
        201,
        expect.objectContaining({ mailed: true, opensSignUp: true, url: null }),
      ]);
      const mail = await new Mailbox(stack).next(email, /invited/i);
      expect(mail.text).not.toContain("can't be created");
      return mail.link ?? '';
    }

    const linksOf = (page: Page): readonly string[] =>
      page
        .html()
        .querySelectorAll('main a')
        .map((link) => link.getAttribute('href') ?? '');

    /** Goes from an invite's page to the registration. */
    async function toRegistration(agent: UserAgent, link: string): Promise<Page> {
      const question = await agent.navigate(link);
      const href = linksOf(question).find((target) => target.includes('signup'));
      return agent.navigate(href ?? '/no-link-to-sign-up');
    }

    it('of an administrator lets its address in, and no other; it is accepted once [L30]', async () => {
      const invitee = newPerson();
      const link = await inviteTo(invitee.email);
      const agent = new UserAgent(stack.url);
      let page = await toRegistration(agent, link);
      const fields = { 'traits.name': invitee.name, password: invitee.password };
      page = await agent.submit(page, { ...fields, 'traits.email': newPerson().email });
      expect(page.text).toContain('for another e-mail address');
      page = await agent.submit(page, { ...fields, 'traits.email': invitee.email });
      expect(await isLoggedIn(agent)).toBe(true);
      expect(new URL(page.url).pathname).toBe('/invitation');
      await agent.submit(page, { invite: new URL(link).searchParams.get('invite') ?? '' });
      expect((await agent.fetch('/api/v1/me')).json()).toMatchObject({ emailVerified: true });
      expect((await new UserAgent(stack.url).navigate(link)).status).toBe(410);
      expect((await admin.post('/api/v1/invites', { email: invitee.email })).json()).toMatchObject({
        code: 'conflict',
        detail: 'There is an account with this address.',
      });
    });

    it('of an administrator who no longer is one, or that was withdrawn, lets nobody in', async () => {
      const [one, two] = [newPerson(), newPerson()];
      const withdrawn = await inviteTo(one.email);
      const listed = z
        .looseObject({ items: z.array(z.looseObject({ id: z.string(), email: z.string() })) })
        .parse((await admin.fetch('/api/v1/invites')).json());
      const id = listed.items.find(({ email }) => email === one.email)?.id;
      const headers = { origin: stack.url };
      expect((await admin.fetch(`/api/v1/invites/${id}`, { method: 'DELETE', headers })).status).toBe(204);
      const outdated = await inviteTo(two.email);
      const begun = await toRegistration(new UserAgent(stack.url), outdated);
      expect(begun.status).toBe(200);
      const { query } = stack.app().get(Database, { strict: false });
      await query.updateTable('users').set({ role: 'user' }).where('id', '=', adminId).execute();
      for (const link of [withdrawn, outdated]) {
        const agent = new UserAgent(stack.url);
        expect((await agent.navigate(link)).status).toBe(410);
        const token = new URL(link).searchParams.get('invite') ?? '';
        expect((await agent.navigate(`/auth/signup?invite=${token}`)).status).toBe(403);
      }
      await query.updateTable('users').set({ role: 'admin' }).where('id', '=', adminId).execute();
      await admin.navigate('/auth/login');
    });

    it('of an owner is for users alone, and says so in the mail, on its page and in the answer', async () => {
      const owner = new UserAgent(stack.url);
      await logIn(owner, member);
      const created = await owner.post('/api/v1/orgs', { name: 'Closed Engines' });
      const org = z.looseObject({ id: z.string() }).parse(created.json());
      const stranger = newPerson();
      const answer = await owner.post(`/api/v1/orgs/${org.id}/invites`, { email: stranger.email });
      expect(answer.json()).toMatchObject({ mailed: true, opensSignUp: false });
      expect((await owner.navigate(`/orgs/${org.id}/invites`)).text).toContain(
        'Only people who have an account',
      );
      const mail = await new Mailbox(stack).next(stranger.email, /invited/i);
      expect([mail.text, mail.html].map((text) => /new accounts can.{1,6}t be created/.test(text))).toEqual([
        true,
        true,
      ]);
      const agent = new UserAgent(stack.url);
      const question = await agent.navigate(mail.link ?? '');
      expect(question.text).toContain('Log in with the account that you have');
      expect(linksOf(question).filter((href) => href.includes('signup'))).toEqual([]);
      const token = new URL(mail.link ?? '').searchParams.get('invite') ?? '';
      expect((await agent.navigate(`/auth/signup?invite=${token}`)).status).toBe(403);

      // The same by an administrator opens the door.
      const other = newPerson();
      const opening = await admin.post(`/api/v1/orgs/${org.id}/invites`, { email: other.email });
      expect(opening.json()).toMatchObject({ mailed: true, opensSignUp: true });
      const link = (await new Mailbox(stack).next(other.email, /invited/i)).link ?? '';
      const newcomer = new UserAgent(stack.url);
      await newcomer.submit(await toRegistration(newcomer, link), {
        'traits.email': other.email,
        'traits.name': other.name,
        password: other.password,
      });
      expect(await isLoggedIn(newcomer)).toBe(true);
      // A link without an address says nothing about who has it.
      const anybody = await admin.post(`/api/v1/orgs/${org.id}/invites`, {});
      expect(anybody.json()).toMatchObject({ mailed: false, opensSignUp: false });
    });

    it('whose address EMAIL_DOMAINS refuses is not made', async () => {
      await stack.restartGateway({ SIGNUP: 'closed', EMAIL_DOMAINS: 'example.net' });
      await admin.navigate('/auth/login');
      const answer = await admin.post('/api/v1/invites', { email: newPerson().email });
      expect([answer.status, answer.json()]).toEqual([
        409,
        expect.objectContaining({ detail: expect.stringContaining('another domain') }),
      ]);
      await stack.restartGateway({ SIGNUP: 'closed', EMAIL_DOMAINS: '' });
    });

    it('that the mail server does not take is not made: its link alone would let nobody in', async () => {
      const { SMTP_URL = '' } = stack.env;
      await stack.restartGateway({ SIGNUP: 'closed', SMTP_URL: 'smtp://127.0.0.1:9/?disable_starttls=true' });
      await admin.navigate('/auth/login');
      const { email } = newPerson();
      expect((await admin.post('/api/v1/invites', { email })).json()).toMatchObject({
        code: 'conflict',
        detail: expect.stringContaining('could not be sent'),
      });
      const { items } = z
        .looseObject({ items: z.array(z.looseObject({ email: z.string(), state: z.string() })) })
        .parse((await admin.fetch('/api/v1/invites')).json());
      expect(items.filter((item) => item.email === email && item.state === 'open')).toEqual([]);
      await stack.restartGateway({ SMTP_URL });
    });
  });
});

describe('SIGNUP=invite', () => {
  async function invite(email: string | undefined): Promise<string> {
    const owner = new UserAgent(stack.url);
    await logIn(owner, member);
    const slugs = z.looseObject({ id: z.string() });
    const org = slugs.parse((await owner.post('/api/v1/orgs', { name: 'Analytical Engines' })).json());
    const answer = await owner.post(`/api/v1/orgs/${org.id}/invites`, email === undefined ? {} : { email });
    expect(answer.status).toBe(201);
    const { url } = z.looseObject({ url: z.string().nullable() }).parse(answer.json());
    return url ?? (await new Mailbox(stack).next(email ?? '', /invit/i)).link ?? '';
  }

  beforeAll(() => stack.restartGateway({ SIGNUP: 'invite' }));

  it('refuses visitors without one [L30]', async () => {
    const agent = new UserAgent(stack.url);
    const refusals = [await agent.navigate('/auth/signup'), await begin(agent)];
    expect(refusals.map(({ status }) => status)).toEqual([403, 403]);
    const login = await agent.navigate('/auth/login');
    expect(login.text).not.toContain('/ui/registration');
    expect(await canLogIn(member)).toBe(true);
  });

  it('lets the invited address register by the link, and no other address [L30]', async () => {
    const invitee = newPerson();
    const agent = new UserAgent(stack.url);
    const login = await agent.navigate(await invite(invitee.email));
    const href = login
      .html()
      .querySelectorAll('main a')
      .map((link) => link.getAttribute('href') ?? '')
      .find((target) => target.includes('registration') || target.includes('signup'));
    let page = await agent.navigate(href ?? '/no-link-to-sign-up');
    const fields = { 'traits.name': invitee.name, password: invitee.password };
    page = await agent.submit(page, { ...fields, 'traits.email': newPerson().email });
    expect(new URL(page.url).pathname).toBe('/ui/registration');
    expect(page.text).toContain('for another e-mail address');
    await agent.submit(page, { ...fields, 'traits.email': invitee.email });
    expect(await isLoggedIn(agent)).toBe(true);
  });
});

describe('EMAIL_DOMAINS', () => {
  beforeAll(() => stack.restartGateway({ SIGNUP: 'open', EMAIL_DOMAINS: 'example.org' }));

  it('is enforced at the field of the registration, by form and by script [L31]', async () => {
    const agent = new UserAgent(stack.url);
    const person = newPerson();
    const outside = { ...person, email: person.email.replace('example.org', 'example.com') };
    let page = await agent.navigate('/auth/signup');
    page = await agent.submit(page, { 'traits.email': outside.email, password: outside.password });
    expect(page.text).toContain('another domain');
    const answer = await register(agent, await begin(agent), outside);
    expect([answer.status, answer.text.includes('another domain')]).toEqual([400, true]);
    await agent.submit(page, { 'traits.email': person.email, password: person.password });
    expect(await isLoggedIn(agent)).toBe(true);

    const settings = await agent.navigate('/ui/settings');
    const moved = await agent.submit(
      settings,
      { 'traits.email': outside.email },
      { name: 'method', value: 'profile' },
    );
    expect(moved.text).toContain('another domain');
    const renamed = await agent.submit(
      moved,
      { 'traits.email': person.email, 'traits.name': 'Ada' },
      { name: 'method', value: 'profile' },
    );
    expect(renamed.text).not.toContain('another domain');
  });
});

describe('names', () => {
  const refused = 'Only administrators may give names';

  it('that look like a reserved one are given by administrators alone, and stay [B05]', async () => {
    await stack.restartGateway({ EMAIL_DOMAINS: '' });
    const agent = new UserAgent(stack.url);
    const person = newPerson();
    const fields = { 'traits.email': person.email, password: person.password };
    let page = await agent.navigate('/auth/signup');
    for (const name of ['Аdmin', 'ROOT', 'Vestibule']) {
      page = await agent.submit(page, { ...fields, 'traits.name': name });
      expect([name, new URL(page.url).pathname, page.text]).toEqual([
        name,
        '/ui/registration',
        expect.stringContaining(refused),
      ]);
    }
    const begun = await begin(agent);
    const scripted = { csrf_token: csrfTokenIn(begun), method: 'password', password: person.password };
    const { id: flow } = flowSchema.parse(begun.json());
    for (const traits of [
      { traits: { email: person.email, name: 'Support' } },
      { 'traits.email': person.email, 'traits.Name': 'support' },
      { traits: { email: person.email, name: { first: 'Sup', last: 'port' } } },
    ]) {
      const answer = await agent.post(`/ory/kratos/self-service/registration?flow=${flow}`, {
        ...scripted,
        ...traits,
      });
      expect([answer.status, answer.text.includes(refused)]).toEqual([400, true]);
    }
    // Kratos takes the flow of another browser with the token of one's own, but doesn't show it.
    const { id: another } = flowSchema.parse((await begin(new UserAgent(stack.url))).json());
    const hidden = await agent.post(`/ory/kratos/self-service/registration?flow=${another}`, {
      ...scripted,
      traits: { email: person.email, name: 'Administrator' },
    });
    expect(hidden.status).toBe(400);
    expect(await canLogIn(person)).toBe(false);
    // As a part of a name, the word says nothing.
    await agent.submit(page, { ...fields, 'traits.name': 'Anna Root' });
    expect(await isLoggedIn(agent)).toBe(true);
    expect((await agent.send('PATCH', '/api/v1/me', { name: 'Helpdesk' })).json()).toMatchObject({
      code: 'validation_failed',
      errors: [{ field: 'name', message: 'is reserved: only administrators of the deployment may give it' }],
    });
    const settings = await agent.navigate('/ui/settings');
    const profile = { name: 'method', value: 'profile' };
    const renamed = await agent.submit(settings, { 'traits.name': 'Staff' }, profile);
    expect(renamed.text).toContain(refused);

    const chief = newPerson();
    await new OryAdmin(stack.env).createPerson(chief, { isVerified: true });
    const admin = new UserAgent(stack.url);
    await logIn(admin, chief);
    const idSchema = z.looseObject({ user: z.looseObject({ id: z.string() }) });
    const idOf = async (who: UserAgent): Promise<string> =>
      idSchema.parse((await who.fetch('/auth/session')).json()).user.id;
    await promote(stack.app(), await idOf(admin));
    await admin.navigate('/auth/login');
    expect(
      (await admin.send('PATCH', `/api/v1/users/${await idOf(agent)}`, { name: 'Support' })).status,
    ).toBe(200);
    const saved = await agent.submit(
      await agent.navigate('/ui/settings'),
      { 'traits.name': 'Support' },
      profile,
    );
    expect(saved.text).not.toContain(refused);
    expect((await agent.fetch('/api/v1/me')).json()).toMatchObject({ name: 'Support' });
  });

  it('that show something else than they are, such as `admin` backwards, are given nowhere [B05]', async () => {
    const agent = new UserAgent(stack.url);
    const person = newPerson();
    const fields = { 'traits.email': person.email, password: person.password };
    const names = ['\u202Enimda', '\u2067nimda\u2069', 'Ada\r\nBcc: x', 'Ada\u001B[2J', '\u200B', '\u2800'];
    let page = await agent.navigate('/auth/signup');
    for (const name of names) {
      page = await agent.submit(page, { ...fields, 'traits.name': name });
      expect([name, new URL(page.url).pathname, page.text]).toEqual([
        name,
        '/ui/registration',
        expect.stringContaining('another character that can’t be shown'),
      ]);
    }
    await agent.submit(page, { ...fields, 'traits.name': 'Ada' });
    expect(await isLoggedIn(agent)).toBe(true);
    for (const name of names) {
      const changed = await agent.send('PATCH', '/api/v1/me', { name });
      expect([name, changed.status, changed.json()]).toEqual([
        name,
        400,
        expect.objectContaining({ errors: [expect.objectContaining({ field: 'name' })] }),
      ]);
    }
    // An operator's program gives Kratos any name; here it is shown without what turns it around.
    const other = { ...newPerson(), name: '\u202Enimda\r\nBcc: x' };
    await new OryAdmin(stack.env).createPerson(other, { isVerified: true });
    const elsewhere = new UserAgent(stack.url);
    await logIn(elsewhere, other);
    expect((await elsewhere.fetch('/api/v1/me')).json()).toMatchObject({ name: 'nimda Bcc: x' });
  });

  it('are given at no login, which Kratos would make an account of, and reserved ones at no registration, whatever its flow [B05]', async () => {
    const agent = new UserAgent(stack.url);
    const login = await agent.fetch('/ory/kratos/self-service/login/browser');
    const { id } = flowSchema.parse(login.json());
    const scripted = { csrf_token: csrfTokenIn(login), method: 'oidc', provider: 'company' };
    const action = `/ory/kratos/self-service/login?flow=${id}`;
    for (const [url, traits] of [
      [action, { traits: { name: 'Support' } }],
      [action, { Traits: { email: newPerson().email } }],
      [action, { 'traits.name': 'Ada' }],
      [action, { 'traits.age': 7 }],
      [`${action}&traits.name.first=Ada`, {}],
    ] as const) {
      const answer = await agent.post(url, { ...scripted, ...traits });
      expect([url, traits, answer.status, answer.json()]).toEqual([
        url,
        traits,
        400,
        expect.objectContaining({ code: 'malformed_request' }),
      ]);
    }
    for (const flow of ['', `?flow=${randomUUID()}`]) {
      const answer = await agent.post(`/ory/kratos/self-service/registration${flow}`, {
        method: 'password',
        password: newPerson().password,
        traits: { email: newPerson().email, name: 'Support' },
      });
      expect([flow, answer.status, answer.json()]).toEqual([
        flow,
        400,
        expect.objectContaining({
          code: 'validation_failed',
          errors: [expect.objectContaining({ field: 'name' })],
        }),
      ]);
    }
  });
});

describe('REQUIRE_VERIFIED_EMAIL', () => {
  it('leads a new user to the verification, and opens everything after it [L29]', async () => {
    await stack.restartGateway({ EMAIL_DOMAINS: '', REQUIRE_VERIFIED_EMAIL: 'true' });
    const agent = new UserAgent(stack.url);
    const person = newPerson();
    const page = await signUp(agent, person);
    expect(new URL(page.url).pathname).toBe('/ui/verification');
    expect((await agent.fetch('/api/v1/me')).json()).toMatchObject({ code: 'email_unverified' });
    await verify(agent, person);
    await agent.navigate('/auth/login?return_to=/');
    expect((await agent.fetch('/api/v1/me')).status).toBe(200);
  });
});
