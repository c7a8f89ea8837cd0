import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { promote } from '../support/administrator.js';
import { OryAdmin } from '../support/ory.admin.js';
import { logIn, newPerson, type Person, signUp } from '../support/person.js';
import { type Stack, startStack } from '../support/stack.js';
import { type Page, UserAgent } from '../support/user-agent.js';
import { setVerified } from '../support/verified.person.js';

const identitySchema = z.looseObject({
  traits: z.record(z.string(), z.string()),
  schema_id: z.string(),
  verifiable_addresses: z.array(z.looseObject({ value: z.string() })),
});
const sessionSchema = z.looseObject({ user: z.looseObject({ id: z.string() }) });

/** Somebody with a browser in which they are logged in. */
interface Visitor {
  readonly agent: UserAgent;
  readonly person: Person;
  readonly userId: string;
  /** At Kratos. */
  readonly identityId: string;
  /** Authorization header. */
  readonly bearer: string;
}

describe('accounts at real Kratos', () => {
  let stack: Stack;
  let ory: OryAdmin;
  let admin: Visitor;

  beforeAll(async () => {
    stack = await startStack();
    ory = new OryAdmin(stack.env);
    admin = await arrive();
    await promote(stack.app(), admin.userId);
    await admin.agent.navigate(`/auth/login`);
  });

  afterAll(async () => {
    await stack?.stop();
  });

  async function arrive(): Promise<Visitor> {
    const [agent, person] = [new UserAgent(stack.url), newPerson()];
    await signUp(agent, person);
    const { user } = sessionSchema.parse((await agent.fetch('/auth/session')).json());
    const { identityId } = await ory.sessionOf(agent);
    const exchange = await agent.fetch('/auth/token', {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token_type: 'urn:vestibule:params:oauth:token-type:session',
      }),
    });
    const { access_token: token } = z.looseObject({ access_token: z.string() }).parse(exchange.json());
    return { agent, person, userId: user.id, identityId, bearer: `Bearer ${token}` };
  }

  const send = ({ agent }: Visitor, method: string, path: string, body?: unknown): Promise<Page> =>
    agent.fetch(`/api/v1${path}`, {
      method,
      headers: { origin: stack.url, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  const identityOf = ({ identityId }: Visitor): Promise<Response> =>
    fetch(`${stack.env['KRATOS_ADMIN_URL']}/admin/identities/${identityId}`);

  async function statuses({ agent, bearer }: Visitor): Promise<number[]> {
    const byBearer = await new UserAgent(stack.url).fetch('/api/v1/me', {
      headers: { authorization: bearer },
    });
    return [(await agent.fetch('/api/v1/me')).status, byBearer.status];
  }

  /** The page that somebody without a cookie of ours or Kratos' gets for their password. */
  async function logInElsewhere(person: Person): Promise<{ agent: UserAgent; page: Page }> {
    const agent = new UserAgent(stack.url);
    return { agent, page: await logIn(agent, person) };
  }

  it('PATCH /api/v1/me changes the traits at Kratos; the cookie and the next login have the same values', async () => {
    const visitor = await arrive();
    const change = { name: 'Grace Hopper 🚀', picture: 'https://pictures.example.org/grace.png' };
    const answer = await send(visitor, 'PATCH', '/me', change);
    expect([answer.status, answer.json()]).toMatchObject([200, change]);
    expect((await visitor.agent.fetch('/api/v1/me')).json()).toMatchObject(change);
    const identity = identitySchema.parse(await (await identityOf(visitor)).json());
    expect(identity.traits).toEqual({ email: visitor.person.email, ...change });
    expect((await logInElsewhere(visitor.person)).page.html().querySelector('h1')?.text).toBe(change.name);

    expect((await send(visitor, 'PATCH', '/me', { picture: null })).json()).toMatchObject({
      name: change.name,
      picture: null,
    });
    // Once more: there is nothing to take away.
    expect((await send(visitor, 'PATCH', '/me', { picture: null })).status).toBe(200);
    const { traits } = identitySchema.parse(await (await identityOf(visitor)).json());
    expect(traits).toEqual({ email: visitor.person.email, name: change.name });
    const { agent } = await logInElsewhere(visitor.person);
    expect((await agent.fetch('/api/v1/me')).json()).toMatchObject({ name: change.name, picture: null });
  });

  it('an administrator changes it too, and the user’s cookie is renewed with it', async () => {
    const visitor = await arrive();
    const answer = await send(admin, 'PATCH', `/users/${visitor.userId}`, { name: 'Renamed' });
    expect(answer.status).toBe(200);
    expect((await visitor.agent.fetch('/api/v1/me')).json()).toMatchObject({ name: 'Renamed' });
    const { traits } = identitySchema.parse(await (await identityOf(visitor)).json());
    expect(traits['name']).toBe('Renamed');
  });

  it('a promoted user is administrator with their present cookie, and no longer once demoted', async () => {
    const visitor = await arrive();
    expect((await send(visitor, 'GET', '/users')).status).toBe(403);
    const promotion = { role: 'admin' };
    expect((await send(admin, 'PATCH', `/users/${visitor.userId}`, promotion)).status).toBe(409);
    await setVerified(stack, visitor.person);
    expect((await send(admin, 'PATCH', `/users/${visitor.userId}`, promotion)).status).toBe(200);
    expect((await send(visitor, 'GET', '/users')).status).toBe(200);
    expect((await send(admin, 'PATCH', `/users/${visitor.userId}`, { role: 'user' })).status).toBe(200);
    expect((await send(visitor, 'GET', '/users')).status).toBe(403);
  });

  it('a disabled user is refused at once by cookie and bearer, cannot log in, and can again when enabled', async () => {
    const visitor = await arrive();
    expect(await statuses(visitor)).toEqual([200, 200]);
    expect((await send(admin, 'POST', `/users/${visitor.userId}/disable`)).status).toBe(200);
    expect(await statuses(visitor)).toEqual([401, 401]);
    expect((await visitor.agent.fetch('/ory/kratos/sessions/whoami')).status).toBe(401);
    const { agent, page } = await logInElsewhere(visitor.person);
    // Kratos refuses already, so that no other application lets the person in either.
    expect([page.status, new URL(page.url).pathname]).toEqual([400, '/ui/error']);
    expect(page.text).toContain('this account has been disabled');
    expect(await agent.cookie('vestibule')).toBeUndefined();
    expect((await agent.fetch('/ory/kratos/sessions/whoami')).status).toBe(401);
    expect((await agent.fetch('/auth/session')).status).toBe(401);
    expect((await send(admin, 'POST', `/users/${visitor.userId}/enable`)).status).toBe(200);
    const again = await logInElsewhere(visitor.person);
    expect((await again.agent.fetch('/api/v1/me')).json()).toMatchObject({ email: visitor.person.email });
  });

  it.each(['the person', 'an administrator'])(
    'a user whom %s deletes is gone at Kratos and cannot log in',
    async (who) => {
      const visitor = await arrive();
      const answer =
        who === 'the person'
          ? await send(visitor, 'DELETE', '/me')
          : await send(admin, 'DELETE', `/users/${visitor.userId}`);
      expect(answer.status).toBe(204);
      expect((await identityOf(visitor)).status).toBe(404);
      expect(await statuses(visitor)).toEqual([401, 401]);
      expect((await visitor.agent.fetch('/ory/kratos/sessions/whoami')).status).toBe(401);
      const { agent, page } = await logInElsewhere(visitor.person);
      expect(new URL(page.url).pathname).toBe('/ui/login');
      expect((await agent.fetch('/auth/session')).status).toBe(401);
      // The address is free: anyone who signs up with it is somebody new.
      const newcomer = new UserAgent(stack.url);
      await signUp(newcomer, visitor.person);
      const { user } = sessionSchema.parse((await newcomer.fetch('/auth/session')).json());
      expect(user.id).not.toBe(visitor.userId);
    },
  );
});
