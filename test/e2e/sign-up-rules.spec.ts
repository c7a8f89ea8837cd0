import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Mailbox } from '../support/mailbox.js';
import { type Person, logIn, newPerson, signUp } from '../support/person.js';
import { type Stack, startStack } from '../support/stack.js';
import { type Page, UserAgent } from '../support/user-agent.js';

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
