import { dirname } from 'node:path';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Database } from '../../src/platform/database/database.schema.js';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { shows } from '../support/browser.js';
import { verifiedPerson } from '../support/browser.api.js';
import { fillLogin } from '../support/browser.person.js';
import { useStage } from '../support/browser.stage.js';
import { blockRunBy } from '../support/document.blocks.js';
import { type EchoServer, startEchoServer } from '../support/echo.server.js';
import { buildGo } from '../support/go.program.js';
import { logIn, newPerson, type Person, signUp } from '../support/person.js';
import { registerApplication } from '../support/registered.application.js';
import { type StartedServer, startServer } from '../support/service.program.js';
import { waitUntil } from '../support/stack.js';
import { libraries, TrialApp } from '../support/trial.app.js';
import { UserAgent } from '../support/user-agent.js';

const sessionSchema = z.looseObject({ user: z.looseObject({ id: z.string() }) });

const stage = useStage();
/** A member of the organisation acme. */
let member: Person;
/** Id of that organisation. */
let acme: string;

beforeAll(async () => {
  member = await verifiedPerson(stage.stack);
  const agent = new UserAgent(stage.stack.url);
  await logIn(agent, member);
  const made = await agent.post('/api/v1/orgs', { name: 'Acme', slug: 'acme' });
  acme = z.looseObject({ id: z.string() }).parse(made.json()).id;
});

describe.each(libraries)('an application by %s', (library) => {
  let app: TrialApp;

  beforeAll(async () => {
    app = await TrialApp.start(library, stage.stack);
  });

  afterAll(() => app?.stop());

  beforeEach(() => {
    stage.welcome.push(app.origin);
  });

  it('logs a user in who agrees, and out again in both places', async () => {
    const { page, stack } = stage;
    await page.goto(`${app.origin}/login?${new URLSearchParams({ scope: 'openid email groups' })}`);
    await fillLogin(page, member);
    await page.getByRole('heading', { name: `Allow Wiki by ${library} to use your account?` }).waitFor();
    await page.getByRole('button', { name: 'Allow' }).click();
    expect(await shows(page.getByRole('heading', { name: `Logged in as ${member.email}` }))).toBe(true);
    await page.getByRole('link', { name: 'Log out' }).click();
    await page.getByRole('heading', { name: 'Log out?' }).waitFor();
    await page.getByRole('button', { name: 'Log out', exact: true }).first().click();
    expect(await shows(page.getByRole('heading', { name: 'Logged out of the app' }))).toBe(true);
    await page.goto(`${stack.url}/`);
    expect(await shows(page.getByRole('heading', { name: 'Welcome' }))).toBe(true);
  });
});

describe('oauth2-proxy', () => {
  let wiki: EchoServer;
  let proxy: StartedServer;
  let origin: string;

  beforeAll(async () => {
    wiki = await startEchoServer();
    ({ proxy, origin } = await startProxy('Wiki', 'openid email profile groups', ''));
    // The first time on a machine, it is built.
  }, 900_000);

  /** @param options on top of those of the documentation. */
  async function startProxy(
    name: string,
    scope: string,
    options: string,
  ): Promise<{ proxy: StartedServer; origin: string }> {
    const [programs, [port = 0]] = await Promise.all([
      buildGo('oauth2-proxy', { packages: 'tool' }),
      findFreePorts(1),
    ]);
    const own = `http://127.0.0.1:${port}`;
    const client = await registerApplication(stage.stack, {
      name,
      redirectUris: [`${own}/oauth2/callback`],
      scope,
      groupsFrom: 'listed',
      groupOrgs: ['acme'],
    });
    const command = blockRunBy('docs/applications.md', 'test/browser/programs.spec.ts', 'oauth2-proxy')
      .trim()
      .replace('https://auth.example.org', stage.stack.url)
      .replace('https://wiki.example.org', own)
      .replace('http://127.0.0.1:8080', wiki.origin)
      .replace('CLIENT_ID', client.id)
      .replace('CLIENT_SECRET', client.secret)
      .replace('COOKIE_SECRET', randomBytes(16).toString('hex'));
    // What a trial on loopback needs besides: a port of its own, and cookies without TLS.
    const line = `exec ${command} --http-address=127.0.0.1:${port} --cookie-secure=false ${options}`;
    const started = await startServer(`${own}/ping`, ['bash', '-euc', line], {
      cwd: programs,
      env: { PATH: `${programs}:${dirname(process.execPath)}:/usr/bin:/bin` },
    });
    return { proxy: started, origin: own };
  }

  afterAll(async () => {
    await proxy?.stop();
    await wiki?.stop();
  });

  beforeEach(() => {
    stage.welcome.push(origin);
  });

  /** Opens the wiki, and logs in where the proxy leads to. */
  async function enter(person: Pick<Person, 'email' | 'password'>, at = origin): Promise<void> {
    const { page } = stage;
    await page.goto(at);
    await page.getByRole('button', { name: /Sign in/ }).click();
    await fillLogin(page, person);
    await page.getByRole('button', { name: 'Allow' }).click();
  }

  it('lets a member of the organisation in, and passes on who they are', async () => {
    await enter(member);
    await stage.page.getByRole('heading', { name: 'The wiki' }).waitFor();
    const headers = await stage.page.getByRole('list').innerText();
    expect(headers).toContain(`x-forwarded-email: ${member.email}`);
    expect(headers).toContain('x-forwarded-groups: acme,acme:owner');
  });

  it('keeps a user logged in whose page sends six requests at once when their tokens are to be refreshed', async () => {
    const scope = 'openid email profile groups offline_access';
    const options = `--scope='${scope}' --cookie-refresh=1s`;
    const renewing = await startProxy('Renewing wiki', scope, options);
    stage.welcome.push(renewing.origin);
    try {
      await enter(member, renewing.origin);
      await stage.page.getByRole('heading', { name: 'The wiki' }).waitFor();
      const loggedInAt = performance.now();
      const context = stage.page.context();
      const cookie = (await context.cookies(renewing.origin))
        .map(({ name, value }) => `${name}=${value}`)
        .join('; ');
      const six = async (): Promise<Response[]> =>
        Promise.all(
          Array.from({ length: 6 }, async () =>
            fetch(renewing.origin, { headers: { cookie }, redirect: 'manual' }),
          ),
        );
      // The proxy counts whole seconds.
      await waitUntil(() => performance.now() - loggedInAt > 2000, 'the tokens to be refreshed');
      // Each with the same cookie, and so with the same refresh token: a refresh sets another one.
      const answers = await six();
      expect(answers.filter(({ headers }) => headers.getSetCookie().length > 0).length).toBeGreaterThan(1);
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
      await stage.page.goto(renewing.origin);
      expect(await shows(stage.page.getByRole('heading', { name: 'The wiki' }))).toBe(true);
    } finally {
      await renewing.proxy.stop();
    }
  });

  it('refuses a user of no organisation', async () => {
    await enter(await verifiedPerson(stage.stack));
    expect(await shows(stage.page.getByText('403', { exact: true }))).toBe(true);
  });

  it('refuses a member whose address is not verified', async () => {
    const [agent, person] = [new UserAgent(stage.stack.url), newPerson()];
    await signUp(agent, person);
    const { user } = sessionSchema.parse((await agent.fetch('/auth/session')).json());
    const { query } = stage.stack.app().get(Database, { strict: false });
    const membership = { org_id: acme, user_id: user.id, role: 'member', state: 'active' } as const;
    await query
      .insertInto('memberships')
      .values({ ...membership, created_at: Date.now() })
      .execute();
    await enter(person);
    expect(await shows(stage.page.getByText(/^(?:403|500)$/))).toBe(true);
    expect(proxy.errors()).toContain("isn't verified");
  });
});
