import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AuditService } from '../../src/directory/audit/audit.service.js';
import { Database } from '../../src/platform/database/database.schema.js';
import { codeOf, landingOf, OAuthApp, tokensOf } from '../support/oauth.app.js';
import { OryAdmin } from '../support/ory.admin.js';
import { logIn, newPerson, type Person } from '../support/person.js';
import { rawRequest } from '../support/raw.request.js';
import { enrolTotp, giveTotp } from '../support/second.factor.js';
import { type Stack, startStack, waitUntil } from '../support/stack.js';
import { UserAgent } from '../support/user-agent.js';

const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange';

describe('logouts between the gateway and Hydra', () => {
  let stack: Stack;
  let admin: OryAdmin;
  let calendar: OAuthApp;
  let spa: OAuthApp;

  beforeAll(async () => {
    stack = await startStack({
      env: { ALLOWED_CLIENT_IDS: 'vestibule,vestibule-spa,notes' },
    });
    admin = new OryAdmin(stack.env);
    const redirectUri = 'https://calendar.example/back';
    const client = await admin.createClient({
      client_name: 'Calendar',
      redirect_uris: [redirectUri],
      post_logout_redirect_uris: ['https://calendar.example/bye'],
    });
    calendar = new OAuthApp(stack.url, client, redirectUri);
    spa = OAuthApp.spa(stack.url);
  });

  afterAll(async () => {
    await stack?.stop();
  });

  async function somebody(): Promise<Person> {
    const person = newPerson();
    await admin.createPerson(person, { isVerified: true });
    return person;
  }

  async function loggedIn(person: Person): Promise<UserAgent> {
    const agent = new UserAgent(stack.url);
    await logIn(agent, person);
    expect((await agent.fetch('/auth/session')).status).toBe(200);
    return agent;
  }

  /** The other application's ID token, for the browser that is logged in. */
  async function atCalendar(agent: UserAgent): Promise<string> {
    const { path, verifier } = calendar.authorize({ audience: undefined, scope: 'openid' });
    const asked = await agent.navigate(path);
    const back = await agent.submit(asked, {}, { name: 'decision', value: 'allow' });
    return tokensOf(await calendar.exchange(agent, codeOf(back), verifier)).id_token ?? '';
  }

  async function statusWith(headers: Readonly<Record<string, string>>): Promise<number> {
    return (await fetch(`${stack.url}/auth/session`, { headers })).status;
  }

  async function audited(): Promise<(string | null)[]> {
    await stack.app().get(AuditService, { strict: false }).flush();
    const { query } = stack.app().get(Database, { strict: false });
    const rows = await query
      .selectFrom('audit_events')
      .select('reason')
      .where('type', '=', 'session_ended')
      .execute();
    return rows.map(({ reason }) => reason);
  }

  it('the user logs out at another application: every copy of the gateway session ends', async () => {
    const person = await somebody();
    const agent = await loggedIn(person);
    const idToken = await atCalendar(agent);
    const other = await loggedIn(person);
    const copy = `vestibule=${await agent.cookie('vestibule')}`;
    const form = new URLSearchParams({
      grant_type: exchange,
      subject_token_type: 'urn:vestibule:params:oauth:token-type:session',
    });
    const bearer = tokensOf(await agent.fetch('/auth/token', { method: 'POST', body: form })).access_token;
    // Without its cookie the browser can't tell the gateway: what ends the session comes from Hydra.
    await agent.jar.setCookie('vestibule=; Max-Age=0; Path=/', stack.url);
    expect([
      await statusWith({ cookie: copy }),
      await statusWith({ authorization: `Bearer ${bearer}` }),
    ]).toEqual([200, 200]);

    const query = new URLSearchParams({
      id_token_hint: idToken,
      post_logout_redirect_uri: 'https://calendar.example/bye',
    });
    const page = await agent.navigate(`/ory/hydra/oauth2/sessions/logout?${query}`);
    const back = await agent.submit(page, {}, { name: 'decision', value: 'logout' });
    expect(landingOf(back).href).toBe('https://calendar.example/bye');

    await waitUntil(async () => (await statusWith({ cookie: copy })) === 401, 'the cookie to be refused');
    expect(await statusWith({ authorization: `Bearer ${bearer}` })).toBe(401);
    expect(await audited()).toContain('backchannel_logout');
    expect((await other.fetch('/auth/session')).status).toBe(200);
  });

  it('an operator ends a session at Hydra: the gateway session behind it ends, no other', async () => {
    const person = await somebody();
    const [agent, other] = [await loggedIn(person), await loggedIn(person)];
    const { query } = stack.app().get(Database, { strict: false });
    const { session } = Object((await agent.fetch('/auth/session')).json());
    const row = await query
      .selectFrom('sessions')
      .select('oidc_sid')
      .where('id', '=', String(session.id))
      .executeTakeFirstOrThrow();
    await fetch(
      `${stack.env['HYDRA_ADMIN_URL']}/admin/oauth2/auth/sessions/login?${new URLSearchParams({ sid: row.oidc_sid ?? '' })}`,
      { method: 'DELETE' },
    );
    await waitUntil(async () => (await agent.fetch('/auth/session')).status === 401, 'the session to end');
    expect((await other.fetch('/auth/session')).status).toBe(200);
  });

  it("a logout makes the single-page app's access tokens of the same login inactive, and ends no other login", async () => {
    const person = await somebody();
    const agent = await loggedIn(person);
    const tokens = [await spa.login(agent), await spa.login(agent)];
    for (const { access_token: token } of tokens) {
      expect(await admin.isActive(token)).toBe(true);
    }
    const other = await loggedIn(person);
    const bystander = await loggedIn(await somebody());
    const foreign = (await spa.login(bystander)).access_token;
    expect((await agent.post('/auth/logout', {})).status).toBe(200);
    for (const { access_token: token } of tokens) {
      expect(await admin.isActive(token)).toBe(false);
    }
    expect(await admin.isActive(foreign)).toBe(true);
    // The other device stays logged in everywhere, and gets tokens without a question.
    expect((await other.fetch('/auth/session')).status).toBe(200);
    expect((await other.fetch('/ory/kratos/sessions/whoami')).status).toBe(200);
    expect(await admin.isActive((await spa.login(other)).access_token)).toBe(true);
    // Hydra remembers nobody in the browser that logged out.
    const silent = await agent.navigate(spa.authorize({ prompt: 'none' }).path);
    expect(landingOf(silent).searchParams.get('error')).toBe('login_required');
  });

  it('a logout ends tokens of silent logins, which Hydra lists under no login', async () => {
    const person = await somebody();
    const [agent, other] = [await loggedIn(person), await loggedIn(person)];
    await spa.login(agent);
    const here = await spa.login(other);
    const silently = await spa.login(other, { prompt: 'none' });
    await other.post('/auth/logout', {});
    for (const { access_token: token } of [here, silently]) {
      expect(await admin.isActive(token)).toBe(false);
    }
    // The first device isn't asked for a new one.
    expect(await admin.isActive((await spa.login(agent)).access_token)).toBe(true);
  });

  it("a logout ends the single-page app's own session of the same browser, by way of Hydra", async () => {
    const agent = await loggedIn(await somebody());
    const app = new UserAgent(stack.url);
    await app.post('/auth/login', { accessToken: (await spa.login(agent)).access_token });
    expect((await app.fetch('/auth/session')).status).toBe(200);
    await agent.post('/auth/logout', {});
    await waitUntil(async () => (await app.fetch('/auth/session')).status === 401, 'its session to end');
    expect(await audited()).toContain('backchannel_logout');
  });

  it('an application of ours with refresh tokens stays logged in on another device, and ends with the last one', async () => {
    const notes = new OAuthApp(
      stack.url,
      await admin.createClient({
        client_id: 'notes',
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token'],
        scope: 'openid offline_access',
        redirect_uris: [`${stack.url}/notes`],
        audience: [stack.url],
        skip_consent: true,
      }),
      `${stack.url}/notes`,
    );
    const person = await somebody();
    const [agent, other] = [await loggedIn(person), await loggedIn(person)];
    const login = async (device: UserAgent) => notes.login(device, { scope: 'openid offline_access' });
    const [here, there] = [await login(agent), await login(other)];
    await agent.post('/auth/logout', {});
    expect(await admin.isActive(there.access_token)).toBe(true);
    expect(await admin.isActive(there.refresh_token ?? '')).toBe(true);
    // What was left here is worth nothing at the gateway, and ends at Hydra with the next logout.
    const body = { accessToken: here.access_token };
    expect((await new UserAgent(stack.url).post('/auth/login', body)).status).toBe(401);
    await other.post('/auth/logout', {});
    const tokens = [here.access_token, here.refresh_token, there.access_token, there.refresh_token];
    for (const token of tokens) {
      expect(await admin.isActive(token ?? '')).toBe(false);
    }
  });

  it('logout tokens for another application, and its ID tokens, are no logout tokens for the gateway', async () => {
    const { url, received, stop } = await listen();
    try {
      const client = await admin.createClient({
        redirect_uris: [`${stack.url}/mail`],
        skip_consent: true,
        backchannel_logout_uri: url,
      });
      const mail = new OAuthApp(stack.url, client, `${stack.url}/mail`);
      const person = await somebody();
      const [agent, other] = [await loggedIn(person), await loggedIn(person)];
      const { id_token: idToken = '' } = await mail.login(agent, { audience: undefined, scope: 'openid' });
      await agent.post('/auth/logout', {});
      await waitUntil(() => received.length > 0, "Hydra's word to the other application");
      for (const body of [received[0] ?? '', new URLSearchParams({ logout_token: idToken }).toString()]) {
        const headers = { 'content-type': 'application/x-www-form-urlencoded' };
        const answer = await fetch(`${stack.url}/auth/backchannel-logout`, { method: 'POST', headers, body });
        expect([answer.status, await answer.json()]).toMatchObject([400, { error: 'invalid_request' }]);
      }
      expect((await other.fetch('/auth/session')).status).toBe(200);
    } finally {
      stop();
    }
  });

  it('a logout that another application requests is reported to every application, including the gateway', async () => {
    const { url, received, stop } = await listen();
    try {
      const client = await admin.createClient({
        redirect_uris: [`${stack.url}/tasks`],
        skip_consent: true,
        backchannel_logout_uri: url,
      });
      const agent = await loggedIn(await somebody());
      const tasks = new OAuthApp(stack.url, client, `${stack.url}/tasks`);
      await tasks.login(agent, { audience: undefined, scope: 'openid' });
      const { access_token: token } = await spa.login(agent);
      const query = new URLSearchParams({ id_token_hint: await atCalendar(agent) });
      const page = await agent.navigate(`/ory/hydra/oauth2/sessions/logout?${query}`);
      await agent.submit(page, {}, { name: 'decision', value: 'logout' });
      await waitUntil(() => received.length > 0, "Hydra's word to the other application");
      expect(received).toHaveLength(1);
      expect((await agent.fetch('/auth/session')).status).toBe(401);
      expect(await admin.isActive(token)).toBe(false);
    } finally {
      stop();
    }
  });

  it('a login that waits for a second factor ends no session', async () => {
    const person = await somebody();
    const [agent, other] = [await loggedIn(person), await loggedIn(person)];
    const secret = await enrolTotp(agent);
    const told = (): number => stack.log.filter((line) => line.includes('/auth/backchannel-logout"')).length;
    const before = told();
    const page = await other.navigate('/auth/login');
    expect(page.html().querySelector('[name=totp_code]')).not.toBeNull();
    expect((await other.fetch('/auth/session')).status).toBe(200);
    const end = await giveTotp(other, page, secret);
    expect(end.url).toBe(`${stack.url}/`);
    expect((await other.fetch('/auth/session')).json()).toMatchObject({ claims: { acr: 'aal2' } });
    expect(told()).toBe(before);
  });

  it('the path accepts any Host name, and is registered for our clients', async () => {
    const answer = await rawRequest(stack.url, {
      method: 'POST',
      path: '/auth/backchannel-logout',
      headers: { host: 'gateway:3000', 'content-type': 'application/x-www-form-urlencoded' },
      body: 'logout_token=no.such.token',
    });
    expect(answer.status).toBe(400);
    for (const id of ['vestibule', 'vestibule-spa']) {
      const client = await fetch(`${stack.env['HYDRA_ADMIN_URL']}/admin/clients/${id}`);
      expect(await client.json()).toMatchObject({
        backchannel_logout_uri: `${stack.url}/auth/backchannel-logout`,
        backchannel_logout_session_required: true,
      });
    }
  });
});

/** An application's back-channel: takes whatever comes. */
async function listen(): Promise<{ url: string; received: readonly string[]; stop: () => void }> {
  const received: string[] = [];
  const server = createServer((request, answer) => {
    request.setEncoding('utf8').on('data', (chunk: string) => received.push(chunk));
    request.on('end', () => answer.end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/`,
    received,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
