import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { Database } from '../../src/platform/database/database.schema.js';
import { type FaultyProxy, startFaultyProxy } from '../support/faulty.proxy.js';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { Mailbox } from '../support/mailbox.js';
import { OryAdmin } from '../support/ory.admin.js';
import { logIn, newPerson, type Person, signUp } from '../support/person.js';
import { type Replica, startReplicas } from '../support/replicas.js';
import { type Stack, startStack } from '../support/stack.js';
import { UserAgent } from '../support/user-agent.js';

const factsSchema = z.object({
  email: z.string(),
  emailVerified: z.boolean(),
  name: z.string(),
  picture: z.string().nullable(),
});
const sessionSchema = z.looseObject({
  user: factsSchema,
  session: z.looseObject({ id: z.string() }),
  claims: z.looseObject({ email: z.string(), email_verified: z.boolean(), name: z.string() }),
});
const keySchema = z.looseObject({ key: z.string() });
const tokenSchema = z.looseObject({ access_token: z.string() });
/** Longer than a token lives. */
const renewalDue = 700;

let stack: Stack;
let ory: OryAdmin;
let mailbox: Mailbox;
let other: Replica;
let wire: FaultyProxy;

beforeAll(async () => {
  const [port = 0] = await findFreePorts(1);
  stack = await startStack({ database: 'postgres', postgresUrl: inject('postgresUrl'), sharedOry: true });
  ory = new OryAdmin(stack.env);
  mailbox = new Mailbox(stack);
  wire = await startFaultyProxy(port, stack.env['KRATOS_ADMIN_URL'] ?? '');
  [other] = (await startReplicas(stack, 1, { KRATOS_ADMIN_URL: wire.url })) as [Replica];
});

afterEach(() => {
  stack.shiftClock(0);
  other.shiftClock(0);
  wire.reset();
});

afterAll(async () => {
  await other?.stop();
  await wire?.stop();
  await stack?.stop();
});

/** Somebody with a verified address, logged in. */
async function verifiedPerson(): Promise<{ readonly person: Person; readonly agent: UserAgent }> {
  const person = newPerson();
  await ory.createPerson(person, { isVerified: true });
  const agent = new UserAgent(stack.url);
  await logIn(agent, person);
  return { person, agent };
}

async function change(agent: UserAgent, traits: Readonly<Record<string, string>>): Promise<void> {
  const settings = await agent.navigate('/ui/settings');
  const fields = Object.fromEntries(Object.entries(traits).map(([name, text]) => [`traits.${name}`, text]));
  await agent.submit(settings, fields, { name: 'method', value: 'profile' });
}

/** How the trail calls the changes of a person, oldest first. */
async function changesOf(email: string): Promise<(string | null)[]> {
  const rows = await stack
    .app()
    .get(Database, { strict: false })
    .query.selectFrom('audit_events')
    .innerJoin('users', 'users.id', 'audit_events.user_id')
    .select('audit_events.reason')
    .where('audit_events.type', '=', 'user_updated')
    .where('users.email_key', '=', email)
    .orderBy('audit_events.id')
    .execute();
  return rows.map(({ reason }) => reason);
}

async function sessionOf(agent: UserAgent): Promise<z.output<typeof sessionSchema>> {
  const answer = await agent.fetch('/auth/session');
  expect(answer.status).toBe(200);
  return sessionSchema.parse(answer.json());
}

/** What every place says that says something of a person. */
async function expectEverywhere(
  agent: UserAgent,
  facts: Pick<Person, 'email' | 'name'>,
  isVerified: boolean,
) {
  const verify = await agent.fetch('/auth/verify');
  expect(verify.status).toBe(200);
  expect([verify.headers.get('x-auth-email'), verify.headers.get('x-auth-name')]).toEqual([
    isVerified ? facts.email : null,
    facts.name,
  ]);
  expect((await agent.fetch('/auth/verify?verified=true')).status).toBe(isVerified ? 200 : 403);
  const expected = { email: facts.email, emailVerified: isVerified, name: facts.name };
  const { user, claims } = await sessionOf(agent);
  expect(user).toMatchObject(expected);
  expect(claims).toMatchObject({ email: facts.email, email_verified: isVerified, name: facts.name });
  expect((await agent.fetch('/api/v1/me')).json()).toMatchObject(expected);
  const page = (await agent.navigate('/')).text;
  expect(page).toContain(facts.email);
  expect(page).toContain(facts.name);
}

/** As {@link UserAgent}, at the other replica. */
function moveTo(replica: Replica, agent: UserAgent): UserAgent {
  const moved = new UserAgent(stack.url, replica.url);
  Object.assign(moved, { jar: agent.jar });
  return moved;
}

describe('a change in the settings', () => {
  it('is everywhere at the next request: the old address is not left with "verified"', async () => {
    const { person, agent } = await verifiedPerson();
    await expectEverywhere(agent, person, true);
    const { session } = await sessionOf(agent);
    const changed = { email: `new-${person.email}`, name: 'Grace Hopper' };
    await change(agent, changed);
    await expectEverywhere(agent, changed, false);
    // The trail tells an address from a name, and holds neither.
    await expect.poll(() => changesOf(changed.email)).toEqual(['settings_email_name']);
    await change(agent, { name: 'Ada Lovelace' });
    await expect.poll(() => changesOf(changed.email)).toEqual(['settings_email_name', 'settings_name']);
    expect((await sessionOf(agent)).session.id).toBe(session.id);
  });

  it('reaches the other sessions, bearers and API keys of the user', async () => {
    const { person, agent } = await verifiedPerson();
    const elsewhere = new UserAgent(stack.url);
    await logIn(elsewhere, person);
    const exchanged = await agent.fetch('/auth/token', {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token_type: 'urn:vestibule:params:oauth:token-type:session',
      }),
    });
    const bearer = tokenSchema.parse(exchanged.json()).access_token;
    const { key } = keySchema.parse(
      (await agent.post('/api/v1/api-keys', { name: 'robot', scope: 'api' })).json(),
    );
    const me = (headers: Readonly<Record<string, string>>) => fetch(`${stack.url}/api/v1/me`, { headers });
    expect((await me({ authorization: `Bearer ${bearer}` })).status).toBe(200);
    expect(await (await me({ 'x-api-key': key })).json()).toMatchObject({ email: person.email });

    const email = `new-${person.email}`;
    await change(agent, { email });
    expect((await sessionOf(elsewhere)).user).toMatchObject({ email, emailVerified: false });
    expect((await me({ authorization: `Bearer ${bearer}` })).status).toBe(401);
    expect(await (await me({ 'x-api-key': key })).json()).toMatchObject({ email, emailVerified: false });
  });

  it('is in the response’s own cookie: a replica that has not been notified knows it', async () => {
    const { agent, person } = await verifiedPerson();
    const before = await agent.cookie('vestibule');
    const email = `new-${person.email}`;
    await change(agent, { email });
    expect(await agent.cookie('vestibule')).not.toBe(before);
    expect((await sessionOf(moveTo(other, agent))).user).toMatchObject({ email, emailVerified: false });
  });

  it('by a user without a session here is known to their sessions elsewhere', async () => {
    const { person, agent } = await verifiedPerson();
    const atKratos = new UserAgent(stack.url);
    await logIn(atKratos, person);
    const settings = await atKratos.navigate('/ui/settings');
    await atKratos.jar.setCookie('vestibule=; Max-Age=0; Path=/', stack.url);
    expect(await atKratos.cookie('vestibule')).toBeUndefined();
    const email = `new-${person.email}`;
    await atKratos.submit(settings, { 'traits.email': email }, { name: 'method', value: 'profile' });
    expect((await sessionOf(agent)).user).toMatchObject({ email, emailVerified: false });
  });

  it('that Kratos refuses changes nothing, and leaves the cookie as it is', async () => {
    const { agent, person } = await verifiedPerson();
    const before = await agent.cookie('vestibule');
    await change(agent, { email: 'no address' });
    expect((await sessionOf(agent)).user).toMatchObject({ email: person.email, emailVerified: true });
    expect(await agent.cookie('vestibule')).toBe(before);
  });
});

it('a verification opens at once what a verified address opens: the organisation of its domain, and `verified=true`', async () => {
  const owner = (await verifiedPerson()).agent;
  const domain = `d${Date.now()}.example.org`;
  const org = z
    .looseObject({ id: z.uuid() })
    .parse((await owner.post('/api/v1/orgs', { name: 'Analytical Engines' })).json());
  await stack
    .app()
    .get(Database, { strict: false })
    .query.updateTable('orgs')
    .set({ domain, claimed_domain: domain, domain_proof: 'administrator', join_policy: 'domain' })
    .where('id', '=', org.id)
    .execute();

  const person = { ...newPerson(), email: `ada@${domain}` };
  const agent = new UserAgent(stack.url);
  await signUp(agent, person);
  expect((await agent.fetch('/auth/verify?verified=true')).status).toBe(403);
  const { link = '' } = await mailbox.next(person.email, /verify/i);
  const shown = await agent.navigate(link.slice(stack.url.length));
  const code = shown.html().querySelector('input[name=code]')?.getAttribute('value') ?? '';
  await agent.submit(shown, { code });

  await expectEverywhere(agent, person, true);
  expect((await agent.fetch(`/auth/verify?org=${org.id}`)).status).toBe(200);
  expect((await agent.fetch('/api/v1/me')).json()).toMatchObject({ org: { id: org.id, role: 'member' } });
});

describe('a change at Kratos that this gateway has no part in', () => {
  async function changeAtKratos(agent: UserAgent, traits: Readonly<Record<string, string>>): Promise<void> {
    const { identityId } = await ory.sessionOf(agent);
    const answer = await fetch(`${stack.env['KRATOS_ADMIN_URL']}/admin/identities/${identityId}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(
        Object.entries(traits).map(([name, value]) => ({ op: 'add', path: `/traits/${name}`, value })),
      ),
    });
    expect(answer.status).toBe(200);
  }

  it('is in the session from its next renewal on, in its other sessions at once then', async () => {
    const { person, agent } = await verifiedPerson();
    const elsewhere = new UserAgent(stack.url);
    await logIn(elsewhere, person);
    const changed = { email: `new-${person.email}`, name: 'Grace Hopper' };
    await changeAtKratos(agent, { ...changed, picture: 'https://pictures.example.org/grace.png' });
    expect((await sessionOf(agent)).user).toMatchObject({ email: person.email, emailVerified: true });
    stack.shiftClock(renewalDue);
    expect((await sessionOf(agent)).user).toEqual({
      ...changed,
      emailVerified: false,
      picture: 'https://pictures.example.org/grace.png',
    });
    await expectEverywhere(agent, changed, false);
    expect((await sessionOf(elsewhere)).user).toMatchObject(changed);
  });

  it('waits while Kratos is unavailable at a renewal: the session continues with the known values', async () => {
    const { person, agent } = await verifiedPerson();
    await changeAtKratos(agent, { name: 'Grace Hopper' });
    const moved = moveTo(other, agent);
    other.shiftClock(renewalDue);
    wire.down();
    expect((await sessionOf(moved)).user).toMatchObject({ name: person.name, emailVerified: true });
    wire.reset();
    other.shiftClock(2 * renewalDue);
    await expect
      .poll(async () => (await sessionOf(moved)).user.name, { timeout: 60_000 })
      .toBe('Grace Hopper');
  });
});
