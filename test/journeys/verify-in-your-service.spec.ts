import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { z } from 'zod';
import { findFreePorts } from '../../src/launcher/port.finder.js';
import { logInIn } from '../support/browser.person.js';
import { blockRunBy } from '../support/document.blocks.js';
import { installPackages, packPackages } from '../support/packed.packages.js';
import { type ServiceKind, writeService } from '../support/service.program.js';
import { waitUntil } from '../support/stack.js';
import { timeout, useJourney } from './journey.js';

const page = 'docs/verify.md';
const spec = 'test/journeys/verify-in-your-service.spec.ts';
const kinds: readonly ServiceKind[] = ['express', 'flask', 'go'];
/** The ports that the page prints, in this order, and the free ones that stand for them. */
const printed = ['8081', '8082', '8083'];
const ports = await findFreePorts(printed.length);

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

/** Starts a service as the page says. */
function start(kind: ServiceKind, project: string): void {
  const cwd = join(project, kind);
  mkdirSync(cwd);
  const env = writeService(kind, cwd, here(blockRunBy(page, spec, kind)));
  const commands = here(blockRunBy(page, spec, `start ${kind}`));
  services.push(
    spawn('bash', ['-euc', commands], { cwd, env, detached: true, stdio: ['ignore', 'ignore', 'inherit'] }),
  );
}

async function answerOf(port: number, token: string): Promise<Response | undefined> {
  return fetch(`http://127.0.0.1:${port}/`, { headers: { authorization: `Bearer ${token}` } }).catch(
    () => undefined,
  );
}

it(
  'a developer makes an API key, exchanges it, and their services in Express, Flask and Go know who calls',
  async () => {
    const project = installPackages(
      join(journey.dataDir, '..', 'project'),
      packPackages(join(journey.dataDir, '..', 'packed')),
    );
    for (const kind of kinds) {
      start(kind, project);
    }

    const browser = await journey.browser();
    await logInIn(browser, journey.url, journey.administrator);
    await browser.getByRole('article', { name: 'API keys' }).getByText('New API key').click();
    await browser.getByLabel('Name').fill('My service');
    await browser.getByRole('button', { name: 'Create key' }).click();
    await browser.getByRole('heading', { name: 'Your new API key' }).waitFor();
    const KEY = await browser.getByLabel('Key', { exact: true }).inputValue();

    const keys = 'docs/api.md';
    const me = await journey.shell(here(blockRunBy(keys, spec, 'key')), { KEY });
    const { id } = z.looseObject({ id: z.uuid() }).parse(JSON.parse(me.stdout));
    const exchanged = await journey.shell(here(blockRunBy(keys, spec, 'exchange')), { KEY });
    const { access_token: TOKEN } = z
      .looseObject({ access_token: z.string() })
      .parse(JSON.parse(exchanged.stdout));

    for (const port of ports) {
      await waitUntil(
        async () => {
          expect(services.map(({ exitCode }) => exitCode)).toEqual([null, null, null]);
          return (await answerOf(port, TOKEN)) !== undefined;
        },
        `the service at ${port} to answer`,
        6 * timeout,
      );
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
