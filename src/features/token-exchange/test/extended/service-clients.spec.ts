import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Database } from '../../../../platform/database/database.schema.js';
import { RevocationService } from '../../../../session/revocation/revocation.service.js';
import { OAuthApp } from '../../../../../test/support/oauth.app.js';
import { OryAdmin, type RegisteredClient } from '../../../../../test/support/ory.admin.js';
import { newPerson, signUp } from '../../../../../test/support/person.js';
import { type Stack, startStack } from '../../../../../test/support/stack.js';
import { type Page, UserAgent } from '../../../../../test/support/user-agent.js';

const elsewhere = 'https://elsewhere.example';

describe('client credentials at POST /auth/token', () => {
  let stack: Stack;
  let ory: OryAdmin;
  let agent: UserAgent;
  let robot: RegisteredClient;

  beforeAll(async () => {
    stack = await startStack({
      env: { SERVICE_CLIENTS: 'robot=profile:read orgs:read app:x, second=app:x, siem=revocations:read' },
    });
    ory = new OryAdmin(stack.env);
    agent = new UserAgent(stack.url);
    robot = await register('robot');
  });

  afterAll(async () => {
    await stack?.stop();
  });

  async function register(client_id: string): Promise<RegisteredClient> {
    return ory.createClient({
      client_id,
      grant_types: ['client_credentials'],
      response_types: [],
      audience: [stack.url, elsewhere],
    });
  }

  async function accessToken(client: RegisteredClient, audience: string | undefined = stack.url) {
    const answer = await new OAuthApp(stack.url, client, '').token(agent, {
      grant_type: 'client_credentials',
      ...(audience === undefined ? {} : { audience }),
    });
    return fieldOf(answer, 'access_token');
  }

  const exchange = (token: string, form: Readonly<Record<string, string>> = {}): Promise<Page> =>
    agent.fetch('/auth/token', {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        subject_token: token,
        ...form,
      }),
    });

  const call = (bearer: string, path = '/auth/session'): Promise<Page> =>
    new UserAgent(stack.url).fetch(path, { headers: { authorization: `Bearer ${bearer}` } });

  const query = () => stack.app().get(Database, { strict: false }).query;

  it('a client that may be told of ended sessions has a stream of events of its own', async () => {
    const bearerOf = async (client: RegisteredClient): Promise<Record<string, string>> => ({
      authorization: `Bearer ${fieldOf(await exchange(await accessToken(client)), 'access_token')}`,
    });
    const ask = async (path: string, headers: Record<string, string>, body: object = {}): Promise<Page> =>
      new UserAgent(stack.url).fetch(path, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const siem = await bearerOf(await register('siem'));
    expect((await ask('/ssf/streams', await bearerOf(robot))).status).toBe(403);
    const created = await ask('/ssf/streams', siem);
    expect(created.status).toBe(201);
    const id = fieldOf(created, 'stream_id');
    const person = newPerson();
    const browser = new UserAgent(stack.url);
    await signUp(browser, person);
    const { session } = JSON.parse((await browser.fetch('/auth/session')).text);
    await browser.fetch('/auth/logout', { method: 'POST', headers: { origin: stack.url } });
    const polled = await ask(`/ssf/poll/${id}`, siem, { maxEvents: 1000, returnImmediately: true });
    const sets: string[] = Object.values(JSON.parse(polled.text).sets);
    expect(sets.map((set) => JSON.stringify(decodeJwt(set)))).toEqual(
      expect.arrayContaining([expect.stringContaining(session.id)]),
    );
  });

  it('a listed client gets a token of its own service account, with the scopes that it is listed with', async () => {
    const answer = await exchange(await accessToken(robot));
    expect(answer.status).toBe(200);
    const token = fieldOf(answer, 'access_token');
    const claims = decodeJwt(token);
    expect(claims).toMatchObject({
      sid: claims.sub,
      client_id: 'robot',
      scope: 'profile:read orgs:read app:x',
      auth_time: 0,
      idp: 'ory',
      name: 'robot',
    });
    expect([claims['org'], claims['roles'], claims['email']]).toEqual([undefined, undefined, undefined]);
    expect((await call(token, '/api/v1/me')).json()).toMatchObject({ id: claims.sub, email: null });
    expect((await call(token, '/api/v1/api-keys')).status).toBe(403);
    expect(answer.headers.getSetCookie()).toEqual([]);
    const users = await query()
      .selectFrom('users')
      .innerJoin('identities', 'identities.user_id', 'users.id')
      .select(['users.kind', 'identities.issuer', 'identities.subject'])
      .where('users.id', '=', claims.sub ?? '')
      .execute();
    expect(users).toEqual([{ kind: 'service', issuer: 'urn:ory:hydra:client', subject: 'robot' }]);
    const sessions = await query()
      .selectFrom('sessions')
      .select('id')
      .where('user_id', '=', claims.sub ?? '')
      .execute();
    expect(sessions).toEqual([]);
  });

  it('of many first exchanges at once all get the same account', async () => {
    const second = await register('second');
    const token = await accessToken(second);
    const answers = await Promise.all(Array.from({ length: 10 }, () => exchange(token)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const subjects = answers.map((answer) => decodeJwt(fieldOf(answer, 'access_token')).sub);
    expect(new Set(subjects).size).toBe(1);
    const services = await query()
      .selectFrom('users')
      .select('id')
      .where('kind', '=', 'service')
      .where('name', '=', 'second')
      .execute();
    expect(services).toHaveLength(1);
  });

  it('less scope is given on request, more is invalid_scope', async () => {
    const token = await accessToken(robot);
    expect(fieldOf(await exchange(token, { scope: 'orgs:read' }), 'scope')).toBe('orgs:read');
    for (const scope of ['api', 'users:read', 'app:x app:y']) {
      const answer = await exchange(token, { scope });
      expect([answer.status, fieldOf(answer, 'error')]).toEqual([400, 'invalid_scope']);
    }
  });

  it('the token ends no later than the access token', async () => {
    const brief = await ory.createClient({
      client_id: 'third',
      grant_types: ['client_credentials'],
      response_types: [],
      audience: [stack.url],
      client_credentials_grant_access_token_lifespan: '60s',
    });
    await stack.restartGateway({
      SERVICE_CLIENTS: 'robot=profile:read orgs:read app:x, second=app:x, third=app:x',
    });
    const { exp = 0 } = decodeJwt(fieldOf(await exchange(await accessToken(brief)), 'access_token'));
    expect(exp - Date.now() / 1000).toBeLessThanOrEqual(60);
  });

  it('a client that is not listed, and a token for another audience, are refused', async () => {
    const foreign = await register('foreign');
    for (const token of [
      await accessToken(foreign),
      await accessToken(robot, elsewhere),
      await accessToken(robot, ''),
      `${await accessToken(robot)}x`,
    ]) {
      const answer = await exchange(token);
      expect([answer.status, fieldOf(answer, 'error')]).toEqual([400, 'invalid_request']);
    }
  });

  it('no client logs in as a user: POST /auth/login accepts no token of its own', async () => {
    const answer = await agent.post('/auth/login', { accessToken: await accessToken(robot) });
    expect([answer.status, fieldOf(answer, 'code')]).toEqual([401, 'access_token_rejected']);
  });

  it("a user's access token stays the user's, also where the client is listed", async () => {
    const person = new UserAgent(stack.url);
    await signUp(person, newPerson());
    const { access_token } = await OAuthApp.spa(stack.url).login(person);
    const services = { SERVICE_CLIENTS: 'robot=profile:read orgs:read app:x, vestibule-spa=app:x' };
    await stack.restartGateway(services);
    const claims = decodeJwt(fieldOf(await exchange(access_token), 'access_token'));
    expect(claims['email']).toEqual(expect.any(String));
    expect(claims['sid']).not.toBe(claims.sub);
    expect(claims['scope']).toContain('api');
  });

  it('a refused organisation leaves no session of a user behind', async () => {
    const person = new UserAgent(stack.url);
    await signUp(person, newPerson());
    const { access_token } = await OAuthApp.spa(stack.url).login(person);
    const answer = await exchange(access_token, { org: 'nowhere' });
    expect([answer.status, fieldOf(answer, 'error')]).toEqual([400, 'invalid_target']);
    const reasons = await query()
      .selectFrom('sessions')
      .select('end_reason')
      .orderBy('id', 'desc')
      .limit(1)
      .execute();
    expect(reasons).toEqual([{ end_reason: 'exchange_refused' }]);
  });

  it('a disabled service account gets no token, and its existing tokens are refused', async () => {
    const token = await accessToken(robot);
    const bearer = fieldOf(await exchange(token), 'access_token');
    const { sub = '' } = decodeJwt(bearer);
    expect((await call(bearer)).status).toBe(200);
    await query().updateTable('users').set({ disabled_at: Date.now() }).where('id', '=', sub).execute();
    stack.shiftClock(1);
    await stack.app().get(RevocationService, { strict: false }).invalidate('user', sub);
    expect((await call(bearer)).status).toBe(401);
    expect(fieldOf(await exchange(token), 'error')).toBe('invalid_request');
    await query().updateTable('users').set({ disabled_at: null }).where('id', '=', sub).execute();
  });

  it('ending everything ends what it has, and not what it gets from then on', async () => {
    const token = await accessToken(robot);
    const before = fieldOf(await exchange(token), 'access_token');
    stack.shiftClock(10);
    const now = Date.now() + 10_000;
    await stack.app().get(RevocationService, { strict: false }).endEverythingBefore(now);
    stack.shiftClock(12);
    const after = fieldOf(await exchange(token), 'access_token');
    expect([(await call(before)).status, (await call(after)).status]).toEqual([401, 200]);
    await new UserAgent(stack.url).fetch('/auth/logout', {
      method: 'POST',
      headers: { authorization: `Bearer ${after}` },
    });
    expect((await call(after)).status).toBe(200);
  });
});

function fieldOf(page: Page, name: string): string {
  return String(Reflect.get(Object(page.json()), name));
}
