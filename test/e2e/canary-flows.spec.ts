import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { launchChromium } from '../support/browser.js';
import { fillLogin, logOutIn } from '../support/browser.person.js';
import { Canary, NotingAgent, dumpDatabases } from '../support/canary.js';
import { startCli } from '../support/cli.process.js';
import { Mailbox } from '../support/mailbox.js';
import { codeOf, OAuthApp, tokensOf } from '../support/oauth.app.js';
import { logIn, newPerson, signUp } from '../support/person.js';
import { type Stack, startStack, waitUntil } from '../support/stack.js';
import { TraceCollector } from '../support/trace.collector.js';
import { UserAgent } from '../support/user-agent.js';
import { setVerified } from '../support/verified.person.js';

const types = 'urn:vestibule:params:oauth:token-type';
const madeKey = z.looseObject({ id: z.string(), key: z.string() });
const madeOrg = z.looseObject({ id: z.string() });
const madeInvite = z.looseObject({ url: z.url() });
const madeToken = z.looseObject({ access_token: z.string() });
const credentials = z.record(z.string(), z.looseObject({ apiKey: z.string(), accessToken: z.string() }));

describe('unique secrets through every flow', () => {
  const canary = new Canary();
  const collector = new TraceCollector();
  /** URL and Referer of every request that reached the gateway, no matter who sent it. */
  const requests: { readonly url: string; readonly referer: string }[] = [];
  const person = newPerson();
  const visitor = newPerson();
  let stack: Stack;
  let mailbox: Mailbox;
  let agent: NotingAgent;
  let folder: string;
  let inviteToken = '';

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vestibule-canary-'));
    const endpoint = await collector.start();
    stack = await startStack({
      oryLogLevel: 'debug',
      env: { METRICS: 'on', OTEL_EXPORTER_OTLP_ENDPOINT: endpoint },
    });
    stack
      .app()
      .getHttpServer()
      .on('request', ({ url, headers }: { url: string; headers: { referer?: string } }) => {
        requests.push({ url, referer: headers.referer ?? '' });
      });
    mailbox = new Mailbox(stack);
    agent = new NotingAgent(stack.url, canary);
    for (const { email, password, name } of [person, visitor]) {
      canary.note('e-mail address', email);
      canary.note('password', password);
      canary.note('name', name);
    }
    stack.secrets.gateway.forEach((secret) => canary.note('SECRETS', secret));
  });

  afterAll(async () => {
    await stack?.stop();
    await collector.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const logOut = async (): Promise<void> => void (await agent.post('/auth/logout', {}));

  async function exchangeFor(what: string, form: Readonly<Record<string, string>>): Promise<string> {
    const grant_type = 'urn:ietf:params:oauth:grant-type:token-exchange';
    const answer = await agent.fetch('/auth/token', {
      method: 'POST',
      headers: { origin: stack.url },
      body: new URLSearchParams({ grant_type, ...form }),
    });
    const { access_token: token } = madeToken.parse(answer.json());
    canary.note(what, token);
    return token;
  }

  it('registration, logout, wrong password, login', async () => {
    expect((await signUp(agent, person)).status).toBe(200);
    await logOut();
    canary.note('wrong password', `wrong ${person.password}`);
    const refused = await logIn(agent, { email: person.email, password: `wrong ${person.password}` });
    expect(refused.text).toContain("isn't right");
    expect((await logIn(agent, person)).text).toContain(person.name);
  });

  it('recovery, to a new password', async () => {
    const stranger = new NotingAgent(stack.url, canary);
    const asked = await stranger.submit(await stranger.navigate('/ui/recovery'), { email: person.email });
    const { code } = await mailbox.next(person.email, /recover/i);
    const settings = await stranger.submit(asked, { code }, { name: 'method', value: 'code' });
    const password = `another ${person.password}`;
    canary.note('new password', password);
    await stranger.submit(settings, { password }, { name: 'method', value: 'password' });
    // The recovery has ended the session of before.
    expect((await logIn(agent, { email: person.email, password })).text).toContain(person.name);
  });

  it('an application of its own: access token, ID token, session', async () => {
    const spa = OAuthApp.spa(stack.url);
    const { path, verifier } = spa.authorize();
    canary.note('code verifier', verifier);
    const tokens = tokensOf(await spa.exchange(agent, codeOf(await agent.navigate(path)), verifier));
    canary.note('access token', tokens.access_token);
    canary.note('ID token', tokens.id_token);
    const app = new NotingAgent(stack.url, canary);
    expect((await app.post('/auth/login', { accessToken: tokens.access_token })).status).toBe(200);
    await app.fetch(`/auth/session?access_token=refused`);
  });

  it('API key and token exchange', async () => {
    const answer = await agent.post('/api/v1/api-keys', { name: 'Canary', scope: 'api' });
    const { key } = madeKey.parse(answer.json());
    canary.note('API key', key);
    const fromKey = await exchangeFor('token of a key', {
      subject_token_type: `${types}:api_key`,
      subject_token: key,
      scope: 'profile:read',
    });
    await exchangeFor('token of a session', { subject_token_type: `${types}:session` });
    const program = new UserAgent(stack.url);
    for (const headers of [{ 'x-api-key': key }, { authorization: `Bearer ${fromKey}` }]) {
      expect((await program.fetch('/api/v1/me', { headers })).status).toBe(200);
    }
    const spoilt = `${fromKey.slice(0, -4)}AAAA`;
    canary.note('refused token', spoilt);
    const refused = await program.fetch('/api/v1/me', { headers: { authorization: `Bearer ${spoilt}` } });
    expect(refused.status).toBe(401);
  });

  it('command line: login and logout', async () => {
    const env = { XDG_CONFIG_HOME: folder, HOME: folder, VESTIBULE_URL: stack.url };
    const cli = startCli(env, 'login', '--no-browser');
    const page = await agent.navigate(await cli.address());
    const answer = await agent.submit(page, {}, { name: 'decision', value: 'allow' });
    await agent.request(answer.headers.get('location') ?? '');
    const outcome = await cli.end();
    expect(outcome.code).toBe(0);
    const path = join(folder, 'vestibule', 'credentials.json');
    for (const { apiKey, accessToken } of Object.values(
      credentials.parse(JSON.parse(await readFile(path, 'utf8'))),
    )) {
      canary.note('API key of the command line', apiKey);
      canary.note('token of the command line', accessToken);
    }
    const end = await startCli(env, 'logout').end();
    expect(end.code).toBe(0);
    const printed = [outcome, end].map(({ out, err }) => out + err).join('\n');
    const ours = canary.lasting.filter(([, what]) => !/^(?:e-mail|name)/.test(what));
    expect(canary.found(printed, ours)).toEqual([]);
  });

  it('invite, taken by a real browser that registers, logs out, errs and logs in', async () => {
    await setVerified(stack, person);
    const { id } = madeOrg.parse((await agent.post('/api/v1/orgs', { name: 'Engines' })).json());
    const { url } = madeInvite.parse((await agent.post(`/api/v1/orgs/${id}/invites`, {})).json());
    inviteToken = new URL(url).searchParams.get('invite') ?? '';
    canary.note('invite token', inviteToken);
    const browser = await launchChromium(inject('chromiumPath'));
    try {
      const context = await browser.newContext();
      const page = await context.newPage();
      await page.goto(url);
      await page.getByRole('main').getByRole('link', { name: 'Sign up' }).click();
      await page.getByLabel('E-mail').fill(visitor.email);
      await page.getByLabel('Name').fill(visitor.name);
      await page.getByLabel('Password').fill(visitor.password);
      await page.getByRole('main').getByRole('button', { name: 'Sign up', exact: true }).click();
      await page.getByRole('heading', { name: 'Join Engines?' }).waitFor();
      const before = await agent.fetch(`/api/v1/orgs/${id}/members`);
      expect(before.text).not.toContain(visitor.name);
      await page.getByRole('button', { name: 'Accept' }).click();
      await page.getByRole('heading', { name: 'You are now a member of Engines' }).waitFor();
      await page.getByRole('link', { name: 'Continue' }).click();
      await page.waitForURL(`${stack.url}/`);
      const members = await agent.fetch(`/api/v1/orgs/${id}/members`);
      expect(members.text).toContain(visitor.name);
      const noteCookies = async (): Promise<void> => {
        for (const { name, value } of await context.cookies()) {
          canary.note(`cookie ${name}`, value);
        }
      };
      await noteCookies();
      await logOutIn(page);
      await page.goto(`${stack.url}/auth/login`);
      canary.note('wrong password', `wrong ${visitor.password}`);
      await fillLogin(page, { email: visitor.email, password: `wrong ${visitor.password}` });
      await page.getByRole('alert').waitFor();
      await fillLogin(page, visitor);
      await page.waitForURL(`${stack.url}/`);
      await noteCookies();
    } finally {
      await browser.close();
    }
    await logOut();
  });

  it('nothing of it is in a log, a metric, a trace or an address', async () => {
    expect(new Set(canary.secrets.values()).size).toBeGreaterThan(25);
    const what = new Set(canary.secrets.values());
    for (const kind of [
      'cookie vestibule',
      'cookie ory_kratos_session',
      'API key',
      'API key of the command line',
      'invite token',
      'ID token',
    ]) {
      expect(what).toContain(kind);
    }
    const metrics = await (await fetch(`${stack.url}/metrics`)).text();
    expect(metrics).toContain('vestibule_logins_total');
    await waitUntil(
      () => collector.spans.some(({ name }) => name === 'POST /api/v1/orgs/:id/invites'),
      'the last spans',
    );
    expect(stack.log.join('')).toContain('login_succeeded');
    expect(stack.oryLog.length).toBeGreaterThan(100);
    expect(requests.length).toBeGreaterThan(50);
    expect(requests.filter(({ referer }) => referer !== '').length).toBeGreaterThan(10);
    const lasting = canary.lasting.filter(([value]) => value !== inviteToken);
    expect({
      log: canary.found(stack.log.join('\n')),
      'log of Ory': canary.found(stack.oryLog.join('\n')),
      metrics: canary.found(metrics),
      traces: canary.found(collector.bodies.join('\n')),
      urls: canary.found(requests.map(({ url }) => url).join('\n'), lasting),
      locations: canary.found(canary.addresses.join('\n'), lasting),
      referers: canary.found(requests.map(({ referer }) => referer).join('\n'), canary.lasting),
    }).toEqual({ log: [], 'log of Ory': [], metrics: [], traces: [], urls: [], locations: [], referers: [] });
    // The token of an invite is in the link that is handed on, on the way through the sign-up back to its page, and nowhere after it.
    const links = requests.filter(({ url }) => url.includes(inviteToken));
    const invitation = `/invitation?invite=${inviteToken}`;
    expect(links.map(({ url }) => url)).toEqual([
      invitation,
      `/auth/signup?invite=${inviteToken}`,
      invitation,
    ]);
  });

  it('no secret is in plain text in a database, neither in ours nor in those of Kratos and Hydra', async () => {
    const dumps = await dumpDatabases(stack);
    const text = [...dumps.values()].join('\n');
    // It's the right ones: the address and the name stand in columns that are meant for them.
    expect(text).toContain(person.email);
    expect(text).toContain(visitor.name);
    expect(canary.found(text)).toEqual(expect.arrayContaining(['e-mail address', 'name']));
    expect(dumps.size).toBeGreaterThanOrEqual(3);
    const secrets = canary.lasting.filter(([, what]) => !/^(?:e-mail|name)/.test(what));
    const found = [...dumps].flatMap(([name, dump]) =>
      canary.found(dump, secrets).map((what) => `${name}: ${what}`),
    );
    expect(found).toEqual([]);
  });
});
