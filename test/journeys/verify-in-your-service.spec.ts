import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, expect, it } from 'vitest';
import { z } from 'zod';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { logInIn } from '../support/browser.person.js';
import { blockRunBy } from '../support/document.blocks.js';
import { installPackages, packPackages } from '../support/packed.packages.js';
import { type ServiceKind, writeService } from '../support/service.program.js';
import { waitUntil } from '../support/stack.js';
import { timed } from '../support/timed.js';
import { timeout, useJourney } from './journey.js';

const page = 'docs/verify.md';
const spec = 'test/journeys/verify-in-your-service.spec.ts';
const kinds: readonly ServiceKind[] = ['express', 'flask', 'go'];
/** The ports that the page prints, in this order, and the free ones that stand for them. */
const printed = ['8081', '8082', '8083'];
const [subscribedPort = 0, loggingPort = 0, keysPort = 0, ...ports] = await findFreePorts(printed.length + 3);

const journey = useJourney();
const services: ChildProcess[] = [];

afterAll(async () => {
  for (const service of services.filter(
    ({ exitCode, signalCode }) => exitCode === null && signalCode === null,
  )) {
    const ended = once(service, 'exit');
    process.kill(-(service.pid ?? 0), 'SIGTERM');
    await ended;
  }
});

/** What the documents show, for this deployment and free ports. */
function here(text: string): string {
  const local = text.replaceAll('http://localhost:3000', journey.url);
  return printed.reduce((all, port, index) => all.replaceAll(port, String(ports[index])), local);
}

/** Starts a service as the page says. @param name of its folder. @returns it, with what it writes to standard error. */
function start(kind: ServiceKind, name: string, program: string, own: NodeJS.ProcessEnv = {}): () => string {
  const cwd = join(project(), name);
  mkdirSync(cwd);
  const env = { ...writeService(kind, cwd, program), ...own };
  const commands = here(blockRunBy(page, spec, `start ${kind}`));
  const service = spawn('bash', ['-euc', commands], {
    cwd,
    env,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  service.stderr.on('data', (chunk: Buffer) => (errors += String(chunk)));
  services.push(service);
  return () => errors;
}

let installed: string | undefined;

/** A folder with the packages installed. */
function project(): string {
  installed ??= installPackages(
    join(journey.dataDir, '..', 'project'),
    packPackages(join(journey.dataDir, '..', 'packed')),
  );
  return installed;
}

/** The page's program for Express, with another of its blocks in place of its guard, at a port. */
function expressWith(block: string, port: number): string {
  const program = blockRunBy(page, spec, 'express')
    .replace(/^const guard = .*\n/m, () => blockRunBy(page, spec, block))
    .replace('8081', String(port));
  return here(program);
}

async function isUp(port: number): Promise<boolean> {
  expect(services.map(({ exitCode }) => exitCode)).not.toContain(1);
  return (await answerOf(port, '')) !== undefined;
}

async function answerOf(port: number, token: string): Promise<Response | undefined> {
  return fetch(`http://127.0.0.1:${port}/`, { headers: { authorization: `Bearer ${token}` } }).catch(
    () => undefined,
  );
}

it(
  'a developer makes an API key, exchanges it, and their services in Express, Flask and Go know who calls',
  async () => {
    for (const kind of kinds) {
      start(kind, kind, here(blockRunBy(page, spec, kind)));
    }

    const browser = await journey.browser();
    await logInIn(browser, journey.url, journey.administrator);
    const KEY = await makeKeyIn(browser, 'My service');

    const id = await memberOf('key', 'id', { KEY });
    const TOKEN = await memberOf('exchange', 'access_token', { KEY });

    for (const port of ports) {
      await waitUntil(async () => isUp(port), `the service at ${port} to answer`, 6 * timeout);
      const tried = here(blockRunBy(page, spec, 'try')).replace(String(ports[0]), String(port));
      const answer = await journey.shell(tried, { TOKEN });
      expect([port, JSON.parse(answer.stdout)]).toMatchObject([port, { sub: id, scope: 'profile:read' }]);
      for (const wrong of [KEY, `${TOKEN.slice(0, -8)}AAAAAAAA`]) {
        const refused = await answerOf(port, wrong);
        expect([port, refused?.status, refused?.headers.get('www-authenticate')]).toEqual([
          port,
          401,
          'Bearer error="invalid_token"',
        ]);
      }
    }
  },
  10 * timeout,
);

it(
  'a developer lets a service subscribe: it refuses a token when its user logs out; another logs why it refuses',
  async () => {
    const browser = await journey.browser();
    await logInIn(browser, journey.url, journey.administrator);
    const key = await revocationsKey(browser);
    const token = await memberOf('exchange the session', 'access_token', { COOKIE: await cookieOf(browser) });
    start('express', 'subscribed', expressWith('revocations', subscribedPort), { REVOCATIONS_KEY: key });
    const errors = start('express', 'logging', expressWith('reasons', loggingPort));
    for (const port of [subscribedPort, loggingPort]) {
      await waitUntil(async () => isUp(port), `the service at ${port} to answer`, timeout);
      expect((await answerOf(port, token))?.status).toBe(200);
    }
    expect((await answerOf(loggingPort, key))?.status).toBe(401);
    await waitUntil(
      async () => errors().includes('401 unauthenticated token_malformed'),
      'the reason in the log',
    );

    await browser.goto(`${journey.url}/`);
    await browser.getByRole('navigation', { name: 'Site' }).getByRole('button', { name: 'Log out' }).click();
    await browser.waitForURL((url) => !url.pathname.startsWith('/auth/logout'));
    await waitUntil(
      async () => (await answerOf(subscribedPort, token))?.status === 401,
      'the logout to be known',
    );
    expect((await answerOf(loggingPort, token))?.status).toBe(200);
  },
  6 * timeout,
);

it(
  'a developer lets a service take API keys: an administrator makes one, calls the service with it, revokes it, and is refused within a second',
  async () => {
    const browser = await journey.browser();
    await logInIn(browser, journey.url, journey.administrator);
    const REVOCATIONS_KEY = await revocationsKey(browser);
    start('express', 'keys', expressWith('api keys', keysPort), { REVOCATIONS_KEY });
    await waitUntil(async () => isUp(keysPort), 'the service to answer', timeout);

    const KEY = await makeKeyIn(browser, 'Nightly export');
    const tried = here(blockRunBy(page, spec, 'try a key')).replace(String(ports[0]), String(keysPort));
    const answer = await journey.shell(tried, { KEY });
    expect(JSON.parse(answer.stdout)).toMatchObject({ client_id: 'api-key', scope: 'profile:read' });

    const statusOfKey = async (): Promise<number> => {
      const { status } = await fetch(`http://127.0.0.1:${keysPort}/`, { headers: { 'x-api-key': KEY } });
      return status;
    };
    expect(await statusOfKey()).toBe(200);
    await browser.goto(`${journey.url}/`);
    await browser.getByRole('button', { name: 'Revoke API key: Nightly export' }).click();
    await browser.getByText('The API key has been revoked.').waitFor();
    const { ms } = await timed(async () =>
      waitUntil(async () => (await statusOfKey()) === 401, 'the revoked key to be refused'),
    );
    expect(ms).toBeLessThan(1000);
  },
  6 * timeout,
);

/** Makes an API key on the account page, with the scope that the form proposes. */
async function makeKeyIn(browser: Page, name: string): Promise<string> {
  await browser.getByRole('article', { name: 'API keys' }).getByText('New API key').click();
  await browser.getByLabel('Name').fill(name);
  await browser.getByRole('button', { name: 'Create key' }).click();
  await browser.getByRole('heading', { name: 'Your new API key' }).waitFor();
  return browser.getByLabel('Key', { exact: true }).inputValue();
}

/** Makes an API key with which a service subscribes. */
async function revocationsKey(browser: Page): Promise<string> {
  const env = { COOKIE: await cookieOf(browser) };
  return memberOf('make a key', 'key', env, (block) => block.replace('profile:read', 'revocations:read'));
}

/** The session's cookie, as the browser's developer tools show it. */
async function cookieOf(browser: Page): Promise<string> {
  const cookies = await browser.context().cookies(journey.url);
  return cookies
    .filter(({ name }) => name.endsWith('vestibule'))
    .map(({ name, value }) => `${name}=${value}`)
    .join('; ');
}

/** Runs commands of the page about the API. @returns a member of the answer. */
async function memberOf(
  block: string,
  member: string,
  env: Readonly<Record<string, string>>,
  changed: (block: string) => string = (same) => same,
): Promise<string> {
  const { stdout } = await journey.shell(here(changed(blockRunBy('docs/api.md', spec, block))), env);
  const body = z.looseObject({ [member]: z.string() }).parse(JSON.parse(stdout));
  return String(body[member]);
}
