import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { AuditService } from '../../../../directory/audit/audit.service.js';
import { Database } from '../../../../platform/database/database.schema.js';
import { promote } from '../../../../../test/support/administrator.js';
import { databaseKinds } from '../../../../../test/support/database.kinds.js';
import { OAuthApp } from '../../../../../test/support/oauth.app.js';
import { OryAdmin } from '../../../../../test/support/ory.admin.js';
import { type Person, logIn, newPerson } from '../../../../../test/support/person.js';
import { rawRequest } from '../../../../../test/support/raw.request.js';
import { type Stack, startStack, waitUntil } from '../../../../../test/support/stack.js';
import { UserAgent } from '../../../../../test/support/user-agent.js';
import { ApplicationDatabase } from '../../application.schema.js';
import { ApplicationLogoutJanitor } from '../../logouts/application-logout-janitor.js';

const back = 'https://wiki.example/callback';
const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout';
const userSchema = z.looseObject({ user: z.looseObject({ id: z.string() }) });
const registeredSchema = z.looseObject({ id: z.string(), clientSecret: z.string() });
const keysSchema = z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })) });
const clientSchema = z.looseObject({ backchannel_logout_uri: z.string() });

/** An application's back-channel, which answers with these statuses one after the other, and with 200 from then on. */
class BackChannel {
  readonly tokens: string[] = [];
  answers: number[] = [];
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, answer) => {
      let body = '';
      request.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      request.on('end', () => {
        this.tokens.push(new URLSearchParams(body).get('logout_token') ?? body);
        answer.writeHead(this.answers.shift() ?? 200).end('{"anything":true}');
      });
    });
  }

  async listen(port = 0): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' ? (address?.port ?? 0) : 0;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/logged-out?from=vestibule`;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.closeAllConnections();
    this.#server.close();
    await closed;
  }
}

describe.each(databaseKinds)('logouts that applications are told of, on %s', (database) => {
  let stack: Stack;
  let admin: OryAdmin;
  let administrator: UserAgent;
  let channel: BackChannel;

  beforeAll(async () => {
    stack = await startStack({ database, postgresUrl: inject('postgresUrl'), sharedOry: true });
    admin = new OryAdmin(stack.env);
    const person = await newUser();
    const first = await loggedIn(person);
    const { user } = userSchema.parse((await first.fetch('/auth/session')).json());
    await promote(stack.app(), user.id);
    administrator = await loggedIn(person);
  });

  afterAll(async () => {
    await stack?.stop();
  });

  beforeEach(async () => {
    channel = new BackChannel();
    await channel.listen();
  });

  afterEach(async () => {
    stack.shiftClock(0);
    await channel.close();
  });

  async function newUser(): Promise<Person> {
    const person = newPerson();
    await admin.createPerson(person, { isVerified: true });
    return person;
  }

  async function loggedIn(person: Person): Promise<UserAgent> {
    const agent = new UserAgent(stack.url);
    await logIn(agent, person);
    return agent;
  }

  async function register(uri = channel.url): Promise<OAuthApp> {
    const answer = await administrator.send('POST', '/api/v1/applications', {
      name: 'Wiki',
      kind: 'web',
      firstParty: true,
      redirectUris: [back],
      backchannelLogoutUri: uri,
    });
    expect([answer.status, answer.text]).toEqual([201, expect.stringContaining(JSON.stringify(uri))]);
    const { id, clientSecret } = registeredSchema.parse(answer.json());
    return new OAuthApp(stack.url, { id, secret: clientSecret }, back);
  }

  /** Logs a new user in to applications, and out again. @returns the last one's ID token. */
  async function inAndOut(...apps: readonly OAuthApp[]): Promise<string> {
    const agent = await loggedIn(await newUser());
    let idToken = '';
    for (const app of apps) {
      ({ id_token: idToken = '' } = await app.login(agent, { audience: undefined, scope: 'openid' }));
    }
    await agent.post('/auth/logout', {});
    return idToken;
  }

  const arrived = async (count: number, at = channel): Promise<void> =>
    waitUntil(() => at.tokens.length >= count, `${count} logout tokens`);

  /** Events about an application: type, outcome and reason. */
  async function audited(id: string): Promise<(string | null)[][]> {
    await stack.app().get(AuditService, { strict: false }).flush();
    const { query } = stack.app().get(Database, { strict: false });
    const rows = await query
      .selectFrom('audit_events')
      .select(['type', 'outcome', 'reason'])
      .where('target_id', '=', id)
      .where('type', 'like', 'applications:%')
      .execute();
    return rows.map(({ type, outcome, reason }) => [type, outcome, reason]);
  }

  const posted = async (token: string): Promise<[number, unknown]> => {
    const answer = await fetch(`${stack.url}/auth/application-logout`, {
      method: 'POST',
      body: new URLSearchParams({ logout_token: token }),
    });
    return [answer.status, await answer.json()];
  };

  it('the token is valid for two minutes, names user and session as the ID token does, and is signed as it is', async () => {
    const wiki = await register();
    const idToken = await inAndOut(wiki);
    await arrived(1);
    const keys = await new UserAgent(stack.url).fetch('/ory/hydra/.well-known/jwks.json');
    const { payload, protectedHeader } = await jwtVerify(
      channel.tokens[0] ?? '',
      createLocalJWKSet(keysSchema.parse(keys.json())),
      { issuer: `${stack.url}/ory/hydra`, audience: wiki.client.id, requiredClaims: ['exp', 'iat', 'jti'] },
    );
    const { sub, sid } = decodeJwt(idToken);
    expect(protectedHeader).toEqual({ alg: 'RS256', typ: 'JWT', kid: expect.any(String) });
    expect(payload).toMatchObject({ sub, sid, events: { [logoutEvent]: {} } });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(120);
    expect(Math.abs((payload.iat ?? 0) - Date.now() / 1000)).toBeLessThan(60);
    expect(payload).not.toHaveProperty('nonce');
    await waitUntil(async () => (await audited(wiki.client.id)).length > 0, 'the audit event');
    expect(await audited(wiki.client.id)).toEqual([['applications:logout_delivered', 'success', null]]);
  });

  it('an application that fails is told again, with the same jti, until it has understood', async () => {
    const wiki = await register();
    channel.answers = [500, 302];
    await inAndOut(wiki);
    await arrived(3);
    await waitUntil(async () => (await audited(wiki.client.id)).length > 0, 'the audit event');
    const claims = channel.tokens.map((token) => decodeJwt(token));
    expect(new Set(claims.map(({ jti }) => jti)).size).toBe(1);
    expect(new Set(claims.map(({ sid }) => sid)).size).toBe(1);
    expect(channel.tokens).toHaveLength(3);
  });

  it('an application that refuses the token five times isn’t told again, and the audit trail has it', async () => {
    const wiki = await register();
    channel.answers = [400, 400, 400, 400, 400];
    await inAndOut(wiki);
    for (let count = 1; count < 5; count += 1) {
      await arrived(count);
      expect(await audited(wiki.client.id)).toEqual([]);
      stack.shiftClock(60 * count);
    }
    await waitUntil(async () => (await audited(wiki.client.id)).length > 0, 'the audit event');
    expect(await audited(wiki.client.id)).toEqual([
      ['applications:logout_undelivered', 'failure', 'logout_refused'],
    ]);
    // Another logout of the same application comes after it.
    await inAndOut(wiki);
    await arrived(6);
    expect(new Set(channel.tokens.map((token) => decodeJwt(token).jti)).size).toBe(2);
  });

  it('a token that comes after the user’s next login there doesn’t name them, so that it ends the session of its sid at most', async () => {
    const wiki = await register();
    channel.answers = [500];
    const person = await newUser();
    const agent = await loggedIn(person);
    await wiki.login(agent, { audience: undefined, scope: 'openid' });
    const other = new UserAgent(stack.url);
    await agent.post('/auth/logout', {});
    await arrived(1);
    await logIn(other, person);
    await wiki.login(other, { audience: undefined, scope: 'openid' });
    await arrived(2);
    const [first, second] = channel.tokens.map((token) => decodeJwt(token));
    expect(first).toHaveProperty('sub');
    expect(second).not.toHaveProperty('sub');
    expect([second?.['sid'], second?.jti]).toEqual([first?.['sid'], first?.jti]);
  });

  it('a user who is deleted leaves no record of where they logged in', async () => {
    const wiki = await register();
    const agent = await loggedIn(await newUser());
    const { id_token: idToken = '' } = await wiki.login(agent, { audience: undefined, scope: 'openid' });
    const { query } = stack.app().get(ApplicationDatabase, { strict: false });
    const left = async (): Promise<number> =>
      (
        await query
          .selectFrom('application_logins')
          .select('sid')
          .where('subject', '=', decodeJwt(idToken).sub ?? '')
          .execute()
      ).length;
    await waitUntil(async () => (await left()) === 1, 'the record of the login');
    const { user } = userSchema.parse((await agent.fetch('/auth/session')).json());
    expect((await administrator.send('DELETE', `/api/v1/users/${user.id}`)).status).toBe(204);
    expect(await left()).toBe(0);
  });

  it('one that is away delays no other, is told when it is back, also by another process', async () => {
    const away = new BackChannel();
    await away.listen();
    const [{ port }, uri] = [away, away.url];
    await away.close();
    const [mail, wiki] = [await register(uri), await register()];
    await inAndOut(mail, wiki);
    await arrived(1);
    expect(decodeJwt(channel.tokens[0] ?? '').aud).toEqual(wiki.client.id);
    await stack.restartGateway();
    const returned = new BackChannel();
    await returned.listen(port);
    try {
      await arrived(1, returned);
      expect(decodeJwt(returned.tokens[0] ?? '').aud).toEqual(mail.client.id);
    } finally {
      await returned.close();
    }
  });

  it('after a day no delivery is tried any more, which the audit trail has', async () => {
    const away = new BackChannel();
    await away.listen();
    const uri = away.url;
    await away.close();
    const wiki = await register(uri);
    await inAndOut(wiki);
    const failed = (): boolean =>
      stack.log.some((line) => line.includes('application_logout_failed') && line.includes(wiki.client.id));
    await waitUntil(failed, 'a failure');
    stack.shiftClock(86_400);
    await waitUntil(async () => (await audited(wiki.client.id)).length > 0, 'the audit event');
    expect(await audited(wiki.client.id)).toEqual([
      ['applications:logout_undelivered', 'failure', 'logout_too_late'],
    ]);
  });

  it('one that was registered before is told by Hydra itself, and an hour after the start by the gateway', async () => {
    const wiki = await register();
    const path = `${stack.env['HYDRA_ADMIN_URL']}/admin/clients/${wiki.client.id}`;
    const known = clientSchema.parse(await (await fetch(path)).json());
    expect(known.backchannel_logout_uri).toContain('/auth/application-logout?to=');
    const older = await fetch(path, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify([
        { op: 'replace', path: '/backchannel_logout_uri', value: channel.url },
        { op: 'add', path: '/contacts', value: ['ops@wiki.example'] },
      ]),
    });
    expect(older.status).toBe(200);
    await inAndOut(wiki);
    await arrived(1);
    expect(decodeJwt(channel.tokens[0] ?? '')).not.toHaveProperty('exp');
    const shown = await administrator.fetch(`/api/v1/applications/${wiki.client.id}`);
    expect(shown.json()).toMatchObject({ backchannelLogoutUri: channel.url });
    await stack.app().get(ApplicationLogoutJanitor, { strict: false }).registerAll();
    expect(await (await fetch(path)).json()).toMatchObject({
      backchannel_logout_uri: known.backchannel_logout_uri,
      // What an operator has set at Hydra stays.
      contacts: ['ops@wiki.example'],
    });
    await inAndOut(wiki);
    await arrived(2);
    expect(decodeJwt(channel.tokens[1] ?? '')).toMatchObject({ exp: expect.any(Number) });
  });

  it('an application that is removed, or is to be told no more, is told nothing', async () => {
    const [removed, silent, wiki] = [await register(), await register(), await register()];
    channel.answers = [500, 500, 500];
    const agent = await loggedIn(await newUser());
    for (const app of [removed, silent, wiki]) {
      await app.login(agent, { audience: undefined, scope: 'openid' });
    }
    await agent.post('/auth/logout', {});
    await arrived(3);
    const path = '/api/v1/applications';
    expect((await administrator.send('DELETE', `${path}/${removed.client.id}`)).status).toBe(204);
    const change = await administrator.send('PATCH', `${path}/${silent.client.id}`, {
      backchannelLogoutUri: null,
    });
    expect(change.status).toBe(200);
    stack.shiftClock(60);
    await waitUntil(async () => (await audited(wiki.client.id)).length > 0, 'the audit event');
    const told = channel.tokens.map((token) => decodeJwt(token).aud);
    expect(told.slice(3)).toEqual(told.slice(3).map(() => wiki.client.id));
  });

  it('only Hydra’s fresh logout tokens are taken, each once', async () => {
    const wiki = await register();
    const idToken = await inAndOut(wiki);
    await arrived(1);
    const [token = ''] = channel.tokens;
    // What the application got, sent by the application: known already.
    expect(await posted(token)).toEqual([200, {}]);
    const refusal = [400, { error: 'invalid_request', error_description: expect.any(String) }];
    const [head, body, signature = ''] = token.split('.');
    const changed = `${head}.${body}.${signature.slice(0, -6)}AAAAAA`;
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.AA`;
    for (const wrong of [idToken, changed, unsigned, 'no.such.token', '', 'x'.repeat(9000)]) {
      expect(await posted(wrong)).toEqual(refusal);
    }
    stack.shiftClock(600);
    expect(await posted(token)).toEqual(refusal);
    stack.shiftClock(0);
    await inAndOut(wiki);
    await arrived(2);
    expect(new Set(channel.tokens.map((one) => decodeJwt(one).jti)).size).toBe(channel.tokens.length);
  });

  it('the path accepts any Host name, as Hydra calls it by an internal one', async () => {
    const answer = await rawRequest(stack.url, {
      method: 'POST',
      path: '/auth/application-logout',
      headers: { host: 'gateway:3000', 'content-type': 'application/x-www-form-urlencoded' },
      body: 'logout_token=no.such.token',
    });
    expect(answer.status).toBe(400);
  });
});
