import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'node-html-parser';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findFreePorts } from '../../../src/launcher/port-finder.js';
import { type Auth0Simulator, startAuth0Simulator } from '../../support/auth0.simulator.js';
import { newSecret } from '../../support/gateway.js';
import { readHealth } from '../../support/health.js';
import { waitUntil } from '../../support/stack.js';
import { UserAgent } from '../../support/user-agent.js';

const user = {
  id: 'auth0|ada',
  name: 'Ada Lovelace',
  email: 'ada@example.org',
  password: 'of-this-test-alone',
};
const program = fileURLToPath(new URL('../../../dist/main.js', import.meta.url));

let simulator: Auth0Simulator;
let gateway: ChildProcess;
let url: string;
let dataDir: string;

// A process of its own, because Node reads the certificates it trusts when it starts.
beforeAll(async () => {
  simulator = await startAuth0Simulator([user]);
  const [port = 0] = await findFreePorts(1);
  url = `http://localhost:${port}`;
  dataDir = mkdtempSync(join(tmpdir(), 'vestibule-auth0-'));
  gateway = spawn(process.execPath, [program], {
    env: {
      PATH: process.env['PATH'],
      NODE_EXTRA_CA_CERTS: simulator.certificate,
      AUTH_PROVIDER: 'auth0',
      AUTH0_DOMAIN: simulator.url,
      AUTH0_CLIENT_ID: 'vestibule-at-auth0',
      AUTH0_CLIENT_SECRET: 'of-this-test-alone',
      PUBLIC_URL: url,
      SECRETS: newSecret(),
      DATA_DIR: dataDir,
      LOG_LEVEL: 'error',
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await waitUntil(async () => (await readHealth(url)).status === 'ok', 'the gateway to find the simulator');
});

afterAll(async () => {
  if (gateway?.exitCode === null) {
    gateway.kill('SIGTERM');
    await once(gateway, 'exit');
  }
  await simulator?.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

/** What Auth0's hosted login page does: its script posts the form, then the hidden form that comes back. */
async function logInAtSimulator(authorize: URL): Promise<URL> {
  const started = await simulator.send(authorize.href);
  const form = {
    ...Object.fromEntries(authorize.searchParams),
    username: user.email,
    password: user.password,
  };
  const cookie = started.cookies.join('; ');
  const accepted = await simulator.send(`${simulator.url}/usernamepassword/login`, form, cookie);
  const wctx = parse(accepted.text).querySelector('[name=wctx]')?.getAttribute('value') ?? '';
  const back = await simulator.send(`${simulator.url}/login/callback`, { wctx }, cookie);
  return new URL(back.location ?? '');
}

it('a login by Auth0’s own steps, with everything it adds to its answer', async () => {
  const agent = new UserAgent(url);
  const start = await agent.request('/auth/login?return_to=/docs&connection=google-oauth2&audience=evil');
  const authorize = new URL(start.headers.get('location') ?? '');
  expect(authorize.origin).toBe(simulator.url);
  expect(authorize.searchParams.get('connection')).toBe('google-oauth2');
  expect(authorize.searchParams.get('code_challenge_method')).toBe('S256');
  expect(authorize.searchParams.has('audience')).toBe(false);

  const answer = await logInAtSimulator(authorize);
  expect(answer.searchParams.get('nonce')).toBe(authorize.searchParams.get('nonce'));
  const done = await agent.navigate(answer.href);
  expect(done.url).toBe(`${url}/docs`);
  const session = await agent.fetch('/auth/session');
  expect(session.json()).toMatchObject({
    provider: 'auth0',
    user: { email: user.email, emailVerified: true, name: user.name },
  });
});

it('the same answer a second time, and one with another state, give no session', async () => {
  const agent = new UserAgent(url);
  const start = await agent.request('/auth/login');
  const answer = await logInAtSimulator(new URL(start.headers.get('location') ?? ''));
  const stranger = new UserAgent(url);
  expect((await stranger.navigate(answer.href)).status).toBe(403);
  expect((await agent.navigate(answer.href)).url).toBe(`${url}/`);
  expect((await agent.navigate(answer.href)).status).toBe(403);
  expect((await stranger.fetch('/auth/session')).status).toBe(401);
});

it('a logout leads on to /v2/logout, which comes back', async () => {
  const agent = new UserAgent(url);
  const start = await agent.request('/auth/login');
  await agent.navigate((await logInAtSimulator(new URL(start.headers.get('location') ?? ''))).href);
  const { logoutUrl } = Object(await (await agent.post('/auth/logout', {})).json());
  const next = new URL(String(logoutUrl));
  expect([next.origin, next.pathname]).toEqual([simulator.url, '/v2/logout']);
  expect((await simulator.send(next.href)).location).toBe(`${url}/`);
  expect((await agent.fetch('/auth/session')).status).toBe(401);
});
