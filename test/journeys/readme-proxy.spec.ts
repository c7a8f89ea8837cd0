import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { fillSignUp, logInIn, logOutIn } from '../support/browser.person.js';
import { blockRunBy } from '../support/document.blocks.js';
import { startEcho } from '../support/forward.proxy.js';
import { newPerson } from '../support/person.js';
import { waitUntil } from '../support/stack.js';
import { timeout, useJourney } from './journey.js';

const root = new URL('../../', import.meta.url);
const spec = 'test/journeys/readme-proxy.spec.ts';

const journey = useJourney({
  start: { commands: blockRunBy('README.md', spec, 'gateway'), ports: [3000, 8080, 5000] },
});

const keySchema = z.looseObject({ key: z.string().startsWith('vst_') });
const echoSchema = z.looseObject({ url: z.string(), headers: z.record(z.string(), z.unknown()) });

/** Where a document's link to the log-in leads. */
function linkOf(path: string): string {
  const [link] = /\/auth\/login\?return_to=[^`"]+/.exec(readFileSync(new URL(path, root), 'utf8')) ?? [];
  expect(link).toBeDefined();
  return link ?? '';
}

/** What an application is told about its user. */
const identityOf = (headers: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('x-auth-')));

let caddy: ChildProcess | undefined;
let app: { stop(): Promise<void> } | undefined;

beforeAll(async () => {
  app = await startEcho(Number(journey.printed(':5000').slice(1)));
  const block = blockRunBy('README.md', spec, 'proxy');
  const file = join(journey.folder, 'Caddyfile');
  // In a test there is no port for its own administration.
  writeFileSync(file, `{\n\tadmin off\n}\n${journey.printed(block)}`);
  const [, snippets = ''] = /^import (\S+)$/m.exec(block) ?? [];
  const path = join(journey.folder, snippets);
  writeFileSync(path, journey.printed(readFileSync(path, 'utf8')));
  const child = spawn(inject('caddyPath'), ['run', '--config', file, '--adapter', 'caddyfile'], {
    cwd: journey.folder,
    env: { PATH: process.env['PATH'] ?? '', HOME: join(journey.folder, '..') },
    stdio: 'ignore',
  });
  caddy = child;
  await waitUntil(
    async () => {
      expect(child.exitCode).toBeNull();
      return fetch(journey.url).then(
        ({ status }) => status === 200,
        () => false,
      );
    },
    'the proxy to answer',
    timeout,
  );
}, 2 * timeout);

afterAll(async () => {
  if (caddy?.exitCode === null) {
    caddy.kill('SIGTERM');
    await once(caddy, 'exit');
  }
  await app?.stop();
});

it(
  'an app behind the README’s proxy asks for a login, and then knows the user',
  async () => {
    expect(journey.url).toBe(journey.printed('http://localhost:8080'));
    const page = await journey.browser();
    const person = newPerson();
    const address = `${journey.url}/app/list?a=1`;
    await page.goto(address);
    await page.getByRole('main').getByRole('link', { name: 'Sign up' }).click();
    await fillSignUp(page, person);
    await page.waitForURL(address);
    const asked = async (headers: Readonly<Record<string, string>> = {}) => {
      const answer = await page.request.get(address, { headers });
      return echoSchema.parse(await answer.json());
    };
    const { url, headers } = await asked();
    expect(url).toBe('/app/list?a=1');
    expect(headers['x-auth-user']).toMatch(/^[\da-f]{8}-[\da-f-]{27}$/);
    expect(headers['x-auth-scope']).toContain('api');
    expect(headers['x-auth-name']).toBe(person.name);

    // Of the cookies it gets its own; a link of a page logs in and leads to the app, with or without the slash.
    await page.context().addCookies([{ name: 'theme', value: 'dark', url: journey.url }]);
    const cookies = new Set((await page.context().cookies(address)).map(({ name }) => name));
    expect([...cookies].some((name) => name.includes('vestibule'))).toBe(true);
    expect([...cookies].some((name) => name.includes('ory_kratos'))).toBe(true);
    const { cookie } = (await asked()).headers;
    expect(String(cookie).split('; ').toSorted()).toEqual(['app=1', 'theme=dark']);
    for (const path of [linkOf('README.md'), linkOf('docs/verify.md'), '/app']) {
      await page.goto(`${journey.url}${path}`);
      await page.waitForURL(`${journey.url}/app/`);
      expect(echoSchema.parse(JSON.parse(await page.locator('body').innerText())).url).toBe('/app/');
    }

    // What the browser says of itself never arrives, and no script gets to read the bearer.
    const forged = await asked({ 'x-auth-user': 'root', 'x-auth-roles': 'admin', 'x-auth-email': 'root@x' });
    expect(identityOf(forged.headers)).toEqual(identityOf(headers));
    expect((await page.request.get(`${journey.url}/auth/verify`)).status()).toBe(404);

    // A program's key lets it in, and does not reach the app: a token stands in for it.
    const administrator = await journey.browser();
    await logInIn(administrator, journey.url, journey.administrator);
    const made = await administrator.request.post(`${journey.url}/api/v1/api-keys`, {
      data: { name: 'A program', scope: 'api' },
    });
    const { key } = keySchema.parse(await made.json());
    for (const sent of [{ authorization: `Bearer ${key}` }, { 'x-api-key': key }]) {
      const answer = await fetch(address, { headers: sent });
      const arrived = echoSchema.parse(await answer.json()).headers;
      expect(arrived['authorization']).toMatch(/^Bearer ey/);
      expect(JSON.stringify(arrived)).not.toContain(key);
    }

    // A program without a session is refused, and after a logout the browser is asked again.
    expect((await fetch(address)).status).toBe(401);
    await page.goto(journey.url);
    await logOutIn(page);
    await page.goto(address);
    await page.waitForURL(/\/ui\/login/);
  },
  4 * timeout,
);
