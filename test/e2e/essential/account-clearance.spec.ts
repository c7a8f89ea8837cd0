import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { IdentityLocks } from '../../../src/providers/ory/kratos/identity-locks.js';
import { findFreePorts } from '../../../src/launcher/port-finder.js';
import { type FaultyProxy, startFaultyProxy } from '../../support/faulty.proxy.js';
import { Mailbox } from '../../support/mailbox.js';
import { OryAdmin } from '../../support/ory.admin.js';
import { type Person, logIn, newPerson, signUp } from '../../support/person.js';
import { type Stack, startStack } from '../../support/stack.js';
import { type Page, UserAgent } from '../../support/user-agent.js';

/** Longer than a token lives, in seconds. */
const renewalDue = 700;
const keySchema = z.looseObject({ key: z.string() });
const identitiesSchema = z.array(z.looseObject({ id: z.string() }));

let stack: Stack;
let mailbox: Mailbox;
let ory: OryAdmin;
let kratosAdmin: string;
/** Between the gateway and Kratos' admin API. */
let wire: FaultyProxy;
/** Between the gateway and Kratos' public API. */
let publicWire: FaultyProxy;

beforeAll(async () => {
  const [port = 0, publicPort = 0] = await findFreePorts(2);
  stack = await startStack();
  mailbox = new Mailbox(stack);
  ory = new OryAdmin(stack.env);
  kratosAdmin = stack.env['KRATOS_ADMIN_URL'] ?? '';
  wire = await startFaultyProxy(port, kratosAdmin);
  publicWire = await startFaultyProxy(publicPort, stack.env['KRATOS_PUBLIC_URL'] ?? '');
  await stack.restartGateway({ KRATOS_ADMIN_URL: wire.url, KRATOS_PUBLIC_URL: publicWire.url });
});

afterEach(() => {
  stack.shiftClock(0);
  wire.reset();
  publicWire.reset();
});

afterAll(async () => {
  await stack?.stop();
  await wire?.stop();
  await publicWire?.stop();
});

const browser = (): UserAgent => new UserAgent(stack.url);

/** The path of the identity with this address in Kratos' admin API. */
async function identityPath(email: string): Promise<string> {
  const query = new URLSearchParams({ credentials_identifier: email });
  const answer = await fetch(`${kratosAdmin}/admin/identities?${query}`);
  const [identity] = identitiesSchema.parse(await answer.json());
  return `/admin/identities/${identity?.id}`;
}

/** Recovers the account with this address, up to the page after the code. */
async function recover(agent: UserAgent, email: string): Promise<Page> {
  const asked = await agent.submit(await agent.navigate('/ui/recovery'), { email });
  const { code } = await mailbox.next(email, /recover/i);
  return agent.submit(asked, { code }, { name: 'method', value: 'code' });
}

/** As {@link recover}, at a gateway that dies once Kratos has verified the address and before anything is cleared. */
async function recoverAndDie(email: string): Promise<void> {
  wire.rewrite(await identityPath(email), () => ({}));
  expect((await recover(browser(), email)).status).toBe(503);
  wire.reset();
  const answer = await fetch(`${kratosAdmin}${await identityPath(email)}`);
  expect(await answer.json()).toMatchObject({ verifiable_addresses: [{ value: email, verified: true }] });
}

async function makeKey(agent: UserAgent): Promise<Page> {
  return agent.post('/api/v1/api-keys', { name: 'robot', scope: 'api' });
}

/** What an outsider has got out of a login. */
interface Loot {
  readonly agent: UserAgent;
  readonly key: string | undefined;
}

/** Logs in, and makes a key at once. */
async function raid(person: Pick<Person, 'email' | 'password'>): Promise<Loot> {
  const agent = browser();
  await logIn(agent, person);
  const made = keySchema.safeParse((await makeKey(agent)).json());
  return { agent, key: made.data?.key };
}

async function expectWorthless({ agent, key }: Loot): Promise<void> {
  const answers = [
    agent.fetch('/ory/kratos/sessions/whoami'),
    agent.fetch('/api/v1/me'),
    ...(key === undefined ? [] : [fetch(`${stack.url}/api/v1/me`, { headers: { 'x-api-key': key } })]),
  ];
  const statuses = (await Promise.all(answers)).map(({ status }) => status);
  expect(new Set(statuses)).toEqual(new Set([401]));
}

async function expectUnverified(agent: UserAgent, email: string): Promise<void> {
  expect((await agent.fetch('/api/v1/me')).json()).toMatchObject({ email, emailVerified: false });
  expect((await makeKey(agent)).json()).toMatchObject({ code: 'email_unverified' });
}

/** The owner has got in, chooses a password, and is the only one who knows it. */
async function expectOwned(owner: UserAgent, settings: Page, { email, password }: Person): Promise<void> {
  expect([settings.status, new URL(settings.url).pathname]).toEqual([200, '/ui/settings']);
  const chosen = `${password} of the owner`;
  await owner.submit(settings, { password: chosen }, { name: 'method', value: 'password' });
  await owner.navigate('/auth/login');
  expect((await owner.fetch('/api/v1/me')).json()).toMatchObject({ email, emailVerified: true });
  expect((await makeKey(owner)).status).toBe(201);
  const elsewhere = browser();
  await logIn(elsewhere, { email, password: chosen });
  expect((await elsewhere.fetch('/api/v1/me')).json()).toMatchObject({ email, emailVerified: true });
}

describe('an outsider who goes on logging in while the owner recovers the account', () => {
  it('has nothing of it: a login at each step in which the account is cleared [A05]', async () => {
    const squatter = newPerson();
    await signUp(browser(), squatter);
    const loot: Loot[] = [];
    let isRaiding = false;
    wire.rewrite(await identityPath(squatter.email), async (body) => {
      // The account page of a login asks for the identity as well.
      if (!isRaiding) {
        isRaiding = true;
        loot.push(await raid(squatter));
        isRaiding = false;
      }
      return body;
    });
    const owner = browser();
    const settings = await recover(owner, squatter.email);
    wire.reset();
    expect(loot).not.toHaveLength(0);
    for (const got of loot) {
      await expectWorthless(got);
    }
    await expectOwned(owner, settings, squatter);
  });

  it('has nothing of it: logins in loops [A05]', async () => {
    const squatter = newPerson();
    await signUp(browser(), squatter);
    const loot: Loot[] = [];
    const end = new AbortController();
    const loop = async (): Promise<void> => {
      while (!end.signal.aborted) {
        loot.push(await raid(squatter));
      }
    };
    const loops = [loop(), loop(), loop(), loop()];
    const owner = browser();
    const settings = await recover(owner, squatter.email);
    const before = loot.length;
    await expect.poll(() => loot.length, { timeout: 60_000 }).toBeGreaterThan(before + 4);
    end.abort();
    await Promise.all(loops);
    for (const got of loot) {
      await expectWorthless(got);
    }
    await expectOwned(owner, settings, squatter);
  });
});

describe('what an outsider has begun at Kratos before the owner recovers the account, and ends after it', () => {
  /** Has Kratos do what this page load asks for, and keeps its answer from the gateway until the owner has recovered the account. */
  async function overtake(email: string, path: string, begin: () => Promise<Page>, owner: UserAgent) {
    const release = publicWire.hold(path);
    const before = publicWire.count(path);
    const begun = begin();
    await expect.poll(() => publicWire.count(path), { timeout: 60_000 }).toBeGreaterThan(before);
    const settings = await recover(owner, email);
    release();
    return { settings, answer: await begun };
  }

  it('is no session, where it is a login [A05]', async () => {
    const squatter = newPerson();
    await signUp(browser(), squatter);
    const agent = browser();
    const login = await agent.navigate('/auth/login');
    const owner = browser();
    const { settings, answer } = await overtake(
      squatter.email,
      '/self-service/login',
      () => agent.submit(login, { identifier: squatter.email, password: squatter.password }),
      owner,
    );
    expect(answer.status).toBe(401);
    await expectWorthless({ agent, key: undefined });
    await expectOwned(owner, settings, squatter);
  });

  it('is undone, where it is a change of the settings: the recovery waits for it, however long Kratos takes [A05]', async () => {
    const squatter = newPerson();
    const agent = browser();
    await signUp(agent, squatter);
    const form = await agent.navigate('/ui/settings');
    const password = `${squatter.password} in flight`;
    const owner = browser();
    const turns = vi.spyOn(stack.app().get(IdentityLocks, { strict: false }), 'run');
    const release = publicWire.hold('/self-service/settings');
    const changing = agent.submit(form, { password }, { name: 'method', value: 'password' });
    await expect.poll(() => turns.mock.calls.length, { timeout: 60_000 }).toBe(1);
    const recovering = recover(owner, squatter.email);
    await expect.poll(() => turns.mock.calls.length, { timeout: 60_000 }).toBe(2);
    release();
    expect((await changing).status).toBe(401);
    const settings = await recovering;
    await expectWorthless(await raid({ email: squatter.email, password }));
    await expectOwned(owner, settings, squatter);
  });
});

describe('a gateway that dies in a recovery leaves the account unverified, no matter who comes first, and the owner recovers it again', () => {
  it('when the outsider logs in, and renews a session [A06]', async () => {
    const squatter = newPerson();
    await signUp(browser(), squatter);
    await recoverAndDie(squatter.email);
    const { agent, key } = await raid(squatter);
    expect(key).toBeUndefined();
    await expectUnverified(agent, squatter.email);
    stack.shiftClock(renewalDue);
    await expectUnverified(agent, squatter.email);
    stack.shiftClock(0);

    const owner = browser();
    const settings = await recover(owner, squatter.email);
    await expectWorthless({ agent, key });
    await expectOwned(owner, settings, squatter);
  });

  it('when the outsider had never logged in here [A06]', async () => {
    const squatter = newPerson();
    await ory.createPerson(squatter);
    await recoverAndDie(squatter.email);
    const { agent, key } = await raid(squatter);
    await expectUnverified(agent, squatter.email);

    const owner = browser();
    const settings = await recover(owner, squatter.email);
    await expectWorthless({ agent, key });
    await expectOwned(owner, settings, squatter);
  });

  it('when the outsider had verified another address before [A06]', async () => {
    const [squatter, owned] = [newPerson(), newPerson()];
    await ory.createPerson(squatter, { isVerified: true });
    const outsider = browser();
    await logIn(outsider, squatter);
    const settings = await outsider.navigate('/ui/settings');
    await outsider.submit(settings, { 'traits.email': owned.email }, { name: 'method', value: 'profile' });
    await recoverAndDie(owned.email);
    const { agent, key } = await raid({ ...squatter, email: owned.email });
    await expectUnverified(agent, owned.email);

    const owner = browser();
    const recovered = await recover(owner, owned.email);
    await expectWorthless({ agent, key });
    await expectOwned(owner, recovered, owned);
  });
});

it('an account that an operator marked as verified at Kratos counts as verified once its user has given a mailed code', async () => {
  const person = newPerson();
  const agent = browser();
  await signUp(agent, person);
  const patch = [{ op: 'replace', path: '/verifiable_addresses/0/verified', value: true }];
  const patched = await fetch(`${kratosAdmin}${await identityPath(person.email)}`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(patch),
  });
  expect(patched.status).toBe(200);
  await agent.navigate('/auth/login');
  await expectUnverified(agent, person.email);

  await mailbox.next(person.email, /verify/i);
  const asked = await agent.submit(await agent.navigate('/ui/verification'), { email: person.email });
  const { code } = await mailbox.next(person.email, /verify/i);
  await agent.submit(asked, { code });
  expect((await agent.fetch('/api/v1/me')).json()).toMatchObject({ emailVerified: true });
});

it('an account that is verified at its first login counts as such: one that an operator has imported', async () => {
  const person = newPerson();
  await ory.createPerson(person, { isVerified: true });
  const agent = browser();
  await logIn(agent, person);
  expect((await agent.fetch('/api/v1/me')).json()).toMatchObject({ emailVerified: true });
});
