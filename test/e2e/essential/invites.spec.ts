import { type Server, createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { inviteMail } from '../../../src/features/invites/invite-mail.js';
import { SmtpMailer } from '../../../src/platform/mail/smtp-mailer.js';
import { verifiedPerson } from '../../support/browser.api.js';
import { Mailbox } from '../../support/mailbox.js';
import { OAuthApp } from '../../support/oauth.app.js';
import { type Person, logIn, newPerson, signUp } from '../../support/person.js';
import { testFrame } from '../../support/page.frame.js';
import { type Stack, startStack } from '../../support/stack.js';
import { type Page, UserAgent } from '../../support/user-agent.js';
import { timed } from '../../support/timed.js';
import { arriveVerified } from '../../support/verified.person.js';

const orgSchema = z.looseObject({ id: z.string(), slug: z.string() });
const inviteSchema = z.looseObject({ id: z.string(), mailed: z.boolean(), url: z.string().nullable() });
const sessionSchema = z.looseObject({ claims: z.looseObject({ org: z.unknown().optional() }) });

let stack: Stack;
let mailbox: Mailbox;
let owner: UserAgent;
let org: z.output<typeof orgSchema>;

beforeAll(async () => {
  stack = await startStack();
  mailbox = new Mailbox(stack);
  owner = new UserAgent(stack.url);
  await logIn(owner, await verifiedPerson(stack));
  org = orgSchema.parse((await owner.post('/api/v1/orgs', { name: 'Analytical Engines' })).json());
});

afterAll(async () => {
  await stack?.stop();
});

async function invite(body: unknown): Promise<z.output<typeof inviteSchema>> {
  const answer = await owner.post(`/api/v1/orgs/${org.id}/invites`, body);
  expect(answer.status).toBe(201);
  return inviteSchema.parse(answer.json());
}

const userOf = (page: Page): unknown => z.looseObject({ user: z.unknown() }).parse(page.json()).user;

async function orgClaim(agent: UserAgent): Promise<unknown> {
  return sessionSchema.parse((await agent.fetch('/auth/session')).json()).claims.org;
}

/** Address of a link of a page. */
function linkOf(page: Page, part: string): string {
  const href = page
    .html()
    .querySelectorAll('main a')
    .map((anchor) => anchor.getAttribute('href') ?? '')
    .find((candidate) => candidate.includes(part));
  return new URL((href ?? expect.fail(`no link to ${part}`)).replaceAll('&amp;', '&'), page.url).href;
}

/** From the page that a link leads to, to the form of a new user, and through it, back to the page. */
async function signUpFrom(agent: UserAgent, invitation: Page, person: Person): Promise<Page> {
  const page = await agent.navigate(linkOf(invitation, '/auth/signup'));
  expect(page.html().querySelector('[data-invite]')?.text).toContain(
    'invites you to join Analytical Engines',
  );
  return agent.submit(page, {
    'traits.email': person.email,
    'traits.name': person.name,
    password: person.password,
  });
}

function tokenOf(link: string | null | undefined): string {
  return new URL(link ?? '').searchParams.get('invite') ?? '';
}

const accept = (agent: UserAgent, page: Page): Promise<Page> =>
  agent.submit(page, { invite: tokenOf(page.url) });

it('a link, by signing up with it and accepting: in the organisation, and acting for it', async () => {
  const { mailed, url } = await invite({ role: 'admin' });
  expect(mailed).toBe(false);
  const agent = new UserAgent(stack.url);
  const late = new UserAgent(stack.url);
  const open = await signUpFrom(late, await late.navigate(url ?? ''), newPerson());
  const page = await signUpFrom(agent, await agent.navigate(url ?? ''), newPerson());
  expect([page.status, page.url]).toEqual([200, url]);
  expect(await orgClaim(agent)).toBeUndefined();
  const accepted = await accept(agent, page);
  expect([accepted.status, new URL(accepted.url).pathname]).toEqual([200, '/invitation/accepted']);
  expect(await orgClaim(agent)).toEqual({ id: org.id, slug: org.slug, role: 'admin' });

  // Once: the next one is told.
  const gone = await accept(late, open);
  expect([gone.status, gone.html().querySelector('h1')?.text]).toEqual([
    410,
    'This invitation can no longer be used',
  ]);
  expect(await orgClaim(late)).toBeUndefined();
});

it('a mail: its link verifies the address of the invited user, who signs up and accepts', async () => {
  const person = newPerson();
  const { mailed, url } = await invite({ email: person.email.toUpperCase() });
  expect([mailed, url]).toEqual([true, null]);
  const { link = '', text } = await mailbox.next(
    person.email,
    /^You are invited to join Analytical Engines$/,
  );
  expect(text).toContain('invites you to join Analytical Engines.');
  expect(link).toMatch(/\/invitation\?invite=[\w-]{43}$/);

  const other = new UserAgent(stack.url);
  const refused = await accept(other, await signUpFrom(other, await other.navigate(link), newPerson()));
  expect([refused.status, refused.html().querySelector('[role=alert]')?.text]).toEqual([
    403,
    expect.stringContaining('for another e-mail address'),
  ]);

  const agent = new UserAgent(stack.url);
  const page = await signUpFrom(agent, await agent.navigate(link), person);
  expect(await orgClaim(agent)).toBeUndefined();
  expect((await accept(agent, page)).status).toBe(200);
  expect(await orgClaim(agent)).toEqual({ id: org.id, slug: org.slug, role: 'member' });
  expect(userOf(await agent.fetch('/auth/session'))).toMatchObject({ emailVerified: true });

  // Also at Kratos, from which the next login takes it.
  const elsewhere = new UserAgent(stack.url);
  await logIn(elsewhere, person);
  expect(userOf(await elsewhere.fetch('/auth/session'))).toMatchObject({ emailVerified: true });
});

it('a link that the inviter has seen verifies nothing, though it is for that address [L23]', async () => {
  const victim = newPerson();
  const { SMTP_URL = '' } = stack.env;
  await stack.restartGateway({ SMTP_URL: 'smtp://127.0.0.1:9/?disable_starttls=true' });
  const { mailed, url } = await invite({ email: victim.email });
  await stack.restartGateway({ SMTP_URL });
  expect([mailed, url]).toEqual([false, expect.stringContaining('/invitation?invite=')]);
  const agent = new UserAgent(stack.url);
  const page = await signUpFrom(agent, await agent.navigate(url ?? ''), victim);
  const refused = await accept(agent, page);
  expect([refused.status, refused.html().querySelector('[role=alert]')?.text]).toEqual([
    403,
    expect.stringContaining('needs a verified e-mail address'),
  ]);
  expect(userOf(await agent.fetch('/auth/session'))).toMatchObject({ emailVerified: false });
  expect(await orgClaim(agent)).toBeUndefined();
  // By the API neither, with the session or with the login.
  const redeemed = await agent.post('/api/v1/invites/redeem', { token: tokenOf(url) });
  expect([redeemed.status, redeemed.json()]).toEqual([
    403,
    expect.objectContaining({ code: 'email_unverified' }),
  ]);
});

it('no GET makes a member: not with a session, nor with that of Kratos alone [L22]', async () => {
  const person = newPerson();
  const agent = new UserAgent(stack.url);
  await signUp(agent, person);
  const { url } = await invite({});
  const token = tokenOf(url);
  const paths = [
    `/auth/login?invite=${token}`,
    `/auth/signup?invite=${token}`,
    `/invitation?invite=${token}`,
  ];
  for (const path of paths) {
    const page = await agent.navigate(path, { headers: { 'sec-fetch-site': 'cross-site' } });
    expect([page.status, page.url]).toEqual([200, url]);
  }
  const settings = `/ory/kratos/self-service/settings/browser?${new URLSearchParams({
    return_to: `${stack.url}/auth/login?invite=${token}`,
  })}`;
  const form = await agent.navigate(settings);
  const saved = await agent.submit(form, { 'traits.name': 'Renamed' }, { name: 'method', value: 'profile' });
  expect(saved.url).toBe(url);
  await agent.jar.store.removeCookie(new URL(stack.url).hostname, '/', 'vestibule');
  expect((await agent.fetch('/auth/session')).status).toBe(401);
  for (const path of paths) {
    expect((await agent.navigate(path)).url).toBe(url);
  }
  await agent.navigate('/auth/login');
  expect(await orgClaim(agent)).toBeUndefined();
  const foreign = await agent.request('/invitation', {
    method: 'POST',
    body: new URLSearchParams({ invite: token }),
    headers: { accept: 'text/html', origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
  });
  expect(foreign.status).toBe(403);
  expect(await orgClaim(agent)).toBeUndefined();
});

it('the mail is in the language of the user who invites', async () => {
  const { email } = newPerson();
  const path = `/api/v1/orgs/${org.id}/invites`;
  const answer = await owner.post(path, { email }, { 'accept-language': 'de-AT,de;q=0.9' });
  expect(answer.status).toBe(201);
  const { text, html, link } = await mailbox.next(email, /^Einladung zu Analytical Engines$/);
  expect(text).toContain('Öffnen Sie diesen Link');
  expect(html).toContain('<html lang="de">');
  expect(link).toMatch(/\/invitation\?invite=[\w-]{43}$/);
});

it('POST /auth/login with an invite: refused before a session with a bad one, a member with a good one', async () => {
  const person = newPerson();
  const browser = new UserAgent(stack.url);
  await signUp(browser, person);
  const spa = OAuthApp.spa(stack.url);
  const { access_token: accessToken } = await spa.login(browser);
  const app = new UserAgent(stack.url);
  const bad = await app.post('/auth/login', { accessToken, inviteToken: 'nothing' });
  expect([bad.status, bad.json()]).toEqual([410, expect.objectContaining({ code: 'gone' })]);
  expect((await app.fetch('/auth/session')).status).toBe(401);
  for (const inviteToken of ['', 5, 'x'.repeat(129)]) {
    expect((await app.post('/auth/login', { accessToken, inviteToken })).status).toBe(400);
  }
  const { url } = await invite({});
  const good = await app.post('/auth/login', { accessToken, inviteToken: tokenOf(url) });
  expect(good.status).toBe(200);
  expect(await orgClaim(app)).toEqual({ id: org.id, slug: org.slug, role: 'member' });
});

it('a user with several organisations switches between them, and the next token keeps the choice', async () => {
  const agent = new UserAgent(stack.url);
  const person = await arriveVerified(agent, stack);
  const own = orgSchema.parse((await agent.post('/api/v1/orgs', { name: 'Own' })).json());
  const { url } = await invite({});
  const redeemed = await agent.post('/api/v1/invites/redeem', { token: tokenOf(url) });
  expect(redeemed.json()).toEqual({ orgId: org.id, role: 'member' });
  expect(await orgClaim(agent)).toMatchObject({ id: own.id, role: 'owner' });
  const switched = await agent.post(`/api/v1/orgs/${org.id}/switch`, {});
  expect(switched.status).toBe(200);
  expect(await orgClaim(agent)).toEqual({ id: org.id, slug: org.slug, role: 'member' });
  stack.shiftClock(650);
  expect(await orgClaim(agent)).toMatchObject({ id: org.id });
  stack.shiftClock(0);
  // Another session of theirs is on its own.
  const elsewhere = new UserAgent(stack.url);
  await logIn(elsewhere, person);
  expect(await orgClaim(elsewhere)).toMatchObject({ id: own.id });
});

it('no token of an invite has got into the log', () => {
  expect(stack.log.length).toBeGreaterThan(10);
  expect(stack.log.filter((line) => line.includes('invite='))).toEqual([]);
});

describe('SmtpMailer', () => {
  const mail = { subject: 'Hello', text: 'Hello', html: '<p>Hello</p>' };

  it('what looks like another header stays in the subject, and names stay names', async () => {
    const mailer = new SmtpMailer(stack.env['SMTP_URL'] ?? '', 'no-reply@example.org', 'Engines, Ltd <x@y>');
    const { email: to } = newPerson();
    const evil = `Eve\r\nBcc: eve@example.org\r\n\r\n<script>alert(1)</script> http://evil.example/`;
    const invitation = inviteMail({
      to,
      orgName: evil,
      inviterName: evil,
      opensSignUp: true,
      link: 'https://auth.example.test/auth/login?invite=x',
      expiresAt: 0,
      language: testFrame().language,
      brand: { name: 'Engines' },
    });
    expect(invitation.html).not.toContain('<script>');
    expect(await mailer.send({ ...invitation, subject: `${invitation.subject}\r\nBcc: x@example.org` })).toBe(
      true,
    );
    const { from, subject, link } = await mailbox.next(to, /invited/);
    expect(from).toBe('Engines, Ltd <x@y>');
    expect(subject).toContain('Bcc: eve@example');
    expect(subject).not.toMatch(/[\r\n]/);
    expect(link).toBe('https://auth.example.test/auth/login?invite=x');
    expect(await mailer.send({ ...mail, to: 'not an address' })).toBe(false);
  });

  it('a server that is not there, does not speak, or has no TLS: no mail, in time, and no error', async () => {
    expect(
      await new SmtpMailer('smtp://127.0.0.1:9', 'a@example.org').send({ ...mail, to: 'b@example.org' }),
    ).toBe(false);
    const secure = (stack.env['SMTP_URL'] ?? '').replace(/\?.*/, '');
    expect(await new SmtpMailer(secure, 'a@example.org').send({ ...mail, to: 'b@example.org' })).toBe(false);
    const server: Server = createServer((socket) => socket.on('error', () => undefined));
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const mute = new SmtpMailer(`smtp://127.0.0.1:${port}/?disable_starttls=true`, 'a@example.org');
    const { value, ms } = await timed(async () => mute.send({ ...mail, to: 'b@example.org' }));
    expect(value).toBe(false);
    expect(ms).toBeLessThan(7000);
    server.close();
  });

  it('without the mail server an invite is still created, with its link', async () => {
    await stack.restartGateway({ SMTP_URL: 'smtp://127.0.0.1:9/?disable_starttls=true' });
    const { mailed, url } = await invite({ email: newPerson().email });
    expect([mailed, url]).toEqual([false, expect.stringContaining('/invitation?invite=')]);
  });
});
