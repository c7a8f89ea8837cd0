import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { fillSignUp } from '../../../../../../test/support/browser.person.js';
import { blockRunBy } from '../../../../../../test/support/document.blocks.js';
import { startEcho } from '../../../../../../test/support/forward.proxy.js';
import { newPerson } from '../../../../../../test/support/person.js';
import { rawRequest } from '../../../../../../test/support/raw.request.js';
import { waitUntil } from '../../../../../../test/support/stack.js';
import { timeout, useJourney } from '../../../../../../test/journeys/journey.js';

const spec = 'src/features/protected-hosts/test/extended/journeys/protected-hosts.spec.ts';

const block = (name: string): string => blockRunBy('docs/forward-auth.md', spec, name);

const journey = useJourney({
  start: { commands: block('gateway'), ports: [3000, 8000, 8080, 8090] },
});

const echoSchema = z.looseObject({ url: z.string(), headers: z.record(z.string(), z.unknown()) });
const portOf = (address: string): number => Number(journey.printed(address).slice(1));

/** The proxies' files in the copy of the checkout, with the ports of this start. */
function setPorts(): void {
  for (const name of ['nginx', 'caddy']) {
    const folder = join(journey.folder, 'examples/forward-auth', name);
    for (const file of readdirSync(folder)) {
      const text = journey.printed(readFileSync(join(folder, file), 'utf8'));
      // nginx's workers leave root, and could not write into the folder then.
      const user = file === 'hosts.conf' && process.getuid?.() === 0 ? 'user root;\n' : '';
      writeFileSync(join(folder, file), user + text);
    }
  }
}

/** A command of the page, in a terminal of its own. */
interface Terminal {
  /** Presses Ctrl-C, and waits for the end. */
  stop(): Promise<void>;
}

/** Runs a command of the page until something listens where it should answer: with this status. */
async function start(name: string, port: string, status: number): Promise<Terminal> {
  const commands = journey.printed(block(name)).replaceAll('/tmp/proxy', join(journey.folder, '../proxy'));
  const programs = [inject('nginxPath'), inject('caddyPath'), inject('pythonPath')].map((path) =>
    dirname(path),
  );
  const child: ChildProcess = spawn('sh', ['-euc', commands], {
    cwd: journey.folder,
    env: { PATH: [...programs, process.env['PATH']].join(':'), HOME: join(journey.folder, '..') },
    stdio: 'ignore',
    detached: true,
  });
  const stop = async (): Promise<void> => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      process.kill(-child.pid, 'SIGINT');
      await ended;
    }
  };
  const headers = { host: journey.printed('app.localhost:8000') };
  try {
    await waitUntil(
      async () => {
        expect(child.exitCode).toBeNull();
        return rawRequest(`http://127.0.0.1${journey.printed(port)}`, { path: '/', headers }).then(
          (answer) => answer.status === status,
          () => false,
        );
      },
      `${name} to answer`,
      timeout,
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return { stop };
}

let proxy: Terminal | undefined;
let apps: readonly Terminal[] = [];

beforeAll(async () => {
  setPorts();
  apps = await Promise.all([startEcho(portOf(':8080')), startEcho(portOf(':8090'))]);
  proxy = await start('nginx', ':8000', 401);
}, 2 * timeout);

afterAll(async () => {
  await proxy?.stop();
  await Promise.all(apps.map((app) => app.stop()));
});

it(
  'one login opens applications on hosts of their own, and a logout on one of them closes all',
  async () => {
    const [app, wiki] = [
      journey.printed('http://app.localhost:8000'),
      journey.printed('http://wiki.localhost:8000'),
    ];
    journey.expectOrigin(app);
    journey.expectOrigin(wiki);
    journey.expectOrigin(app.replace('http', 'ws'));
    const page = await journey.browser();
    const shown = async () => echoSchema.parse(JSON.parse(await page.locator('body').innerText()));

    // The first host asks for a login, and the user lands on the page that they wanted.
    await page.goto(`${app}/list?a=1`);
    await page.waitForURL(`${journey.url}/ui/login**`);
    await page.getByRole('main').getByRole('link', { name: 'Sign up' }).click();
    await fillSignUp(page, newPerson());
    await page.waitForURL(`${app}/list?a=1`);
    const { url, headers } = await shown();
    expect(url).toBe('/list?a=1');
    const user = z.string().parse(headers['x-auth-user']);

    // The back button leads to no form that is of no use any more: to the account, as after every login.
    await page.goBack();
    await page.waitForURL(`${journey.url}/`);
    await page.goto(`${app}/list?a=1`);
    expect((await shown()).headers['x-auth-user']).toBe(user);

    // Scripts and WebSockets of that page work.
    expect(await page.evaluate(`fetch('/api').then((answer) => answer.status)`)).toBe(200);
    const greeting = `new Promise((resolve, reject) => {
      const socket = new WebSocket('ws://' + location.host + '/socket');
      socket.onmessage = ({ data }) => { socket.close(); resolve(data); };
      socket.onerror = reject;
    })`;
    expect(await page.evaluate(greeting)).toBe(user);

    // The second host opens without another login, and the account page lists both.
    const visited: string[] = [];
    page.on('framenavigated', (frame) => visited.push(frame.url()));
    await page.goto(`${wiki}/page`);
    await page.waitForURL(`${wiki}/page`);
    expect((await shown()).headers['x-auth-user']).toBe(user);
    expect(visited.filter((address) => address.includes('/ui/'))).toEqual([]);
    await page.goto(journey.url);
    await page.getByText(`Also on ${new URL(app).host}, ${new URL(wiki).host}`).waitFor();
    const cookies = await page.context().cookies();
    const sessions = cookies.filter(({ name }) => name === 'vestibule').map(({ domain }) => domain);
    expect(sessions.toSorted()).toEqual(['app.localhost', 'auth.localhost', 'wiki.localhost']);

    // A link that was used up shows a page of the gateway's, which starts again.
    await page.goto(`${app}/.vestibule/callback?code=used`);
    await page.getByRole('link', { name: 'Start again' }).click();
    await page.waitForURL(`${app}/`);

    // A logout on one host closes the other, in a tab that is open there too.
    const tab = await page.context().newPage();
    await tab.goto(`${wiki}/page`);
    await page.goto(`${app}/`);
    await page.evaluate(
      `document.body.innerHTML = '<form method="post" action="/.vestibule/logout"><button>Log out</button></form>'`,
    );
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.waitForURL(`${journey.url}/**`);
    const refused = `fetch('/api').then(async (answer) => [answer.status, (await answer.json()).loginUrl])`;
    expect(await tab.evaluate(refused)).toEqual([401, '/.vestibule/login']);
    await tab.goto(`${wiki}/page`);
    await tab.waitForURL(`${journey.url}/ui/login**`);
    await page.goto(`${app}/`);
    await page.waitForURL(`${journey.url}/ui/login**`);
  },
  4 * timeout,
);

it(
  'Caddy does the same, in front of the applications that the page starts',
  async () => {
    await proxy?.stop();
    await Promise.all(apps.map((app) => app.stop()));
    apps = [];
    proxy = await start('caddy', ':8000', 401);
    apps = [await start('app', ':8080', 200), await start('wiki', ':8090', 200)];
    const page = await journey.browser();
    await page.goto(journey.printed('http://app.localhost:8000'));
    await page.getByRole('main').getByRole('link', { name: 'Sign up' }).click();
    await fillSignUp(page, newPerson());
    await page.getByRole('link', { name: 'notes.module.ts' }).waitFor();
    expect(new URL(page.url()).origin).toBe(journey.printed('http://app.localhost:8000'));
    await page.goto(journey.printed('http://wiki.localhost:8000'));
    await page.getByRole('link', { name: 'scenario.ts' }).waitFor();
    expect(new URL(page.url()).origin).toBe(journey.printed('http://wiki.localhost:8000'));
  },
  4 * timeout,
);
