import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { afterAll, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { findFreePorts } from '../../src/launcher/port.finder.js';
import { logInIn } from '../support/browser.person.js';
import { blockRunBy, blocksOf } from '../support/document.blocks.js';
import { waitUntil } from '../support/stack.js';
import { checkout, ownEnvironment, timeout, useJourney } from './journey.js';

const spec = 'test/journeys/verify-in-your-service.spec.ts';
const [nodePort = 0, pythonPort = 0, goPort = 0] = await findFreePorts(3);

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

/** What docs/verify.md shows, for this deployment and free ports. */
function here(text: string): string {
  return text
    .replaceAll('http://localhost:3000', journey.url)
    .replaceAll('8081', String(nodePort))
    .replaceAll('8082', String(pythonPort))
    .replaceAll('8083', String(goPort));
}

/** The program that the page shows as this file of the examples. */
function program(file: string): string {
  const block = blocksOf('docs/verify.md').find(({ mark }) => mark === `examples/verify/${file}`);
  if (block === undefined) {
    throw new Error(`docs/verify.md doesn't show ${file}`);
  }
  return block.code;
}

/** Runs commands in a folder of their own until they end, which a service never does by itself. */
function run(name: string, files: Readonly<Record<string, string>>, commands: string): void {
  const folder = join(journey.dataDir, '..', name);
  mkdirSync(folder, { recursive: true });
  for (const [file, text] of Object.entries(files)) {
    writeFileSync(join(folder, file), text);
  }
  if (name === 'node') {
    symlinkSync(join(checkout, 'node_modules'), join(folder, 'node_modules'));
  }
  const PATH = `${dirname(inject('pythonPath'))}:${ownEnvironment()['PATH']}`;
  // Go's modules, as every project of a developer has them, are in the home.
  const env = { ...ownEnvironment(), PATH, HOME: homedir() };
  services.push(
    spawn('bash', ['-euc', here(commands)], {
      cwd: folder,
      env,
      detached: true,
      stdio: ['ignore', 'ignore', 'inherit'],
    }),
  );
}

const compiled = (source: string): string =>
  ts.transpileModule(source, {
    compilerOptions: {
      module: ts.ModuleKind.ESNext,
      target: ts.ScriptTarget.ES2023,
      rewriteRelativeImportExtensions: true,
    },
  }).outputText;

async function answerOf(port: number, token: string): Promise<Response | undefined> {
  return fetch(`http://127.0.0.1:${port}/`, { headers: { authorization: `Bearer ${token}` } }).catch(
    () => undefined,
  );
}

it(
  'a developer makes an API key, exchanges it, and their services in Node, Python and Go know who calls',
  async () => {
    run(
      'node',
      {
        'package.json': '{ "type": "module" }',
        'verify.js': compiled(program('typescript/verify.ts')),
        'server.js': compiled(here(blockRunBy('docs/verify.md', spec, "Node's server"))),
      },
      'exec node server.js',
    );
    run('python', { 'verify.py': program('python/verify.py') }, blockRunBy('docs/verify.md', spec, 'Python'));
    run('go', { 'main.go': program('go/main.go') }, blockRunBy('docs/verify.md', spec, 'Go'));

    const page = await journey.browser();
    await logInIn(page, journey.url, journey.administrator);
    await page.getByRole('article', { name: 'API keys' }).getByText('New API key').click();
    await page.getByLabel('Name').fill('My service');
    await page.getByRole('button', { name: 'Create key' }).click();
    await page.getByRole('heading', { name: 'Your new API key' }).waitFor();
    const KEY = await page.getByLabel('Key', { exact: true }).inputValue();

    const me = await journey.shell(here(blockRunBy('docs/api.md', spec, 'key')), { KEY });
    const { id } = z.looseObject({ id: z.uuid() }).parse(JSON.parse(me.stdout));
    const exchanged = await journey.shell(here(blockRunBy('docs/api.md', spec, 'exchange')), { KEY });
    const { access_token: token } = z
      .looseObject({ access_token: z.string() })
      .parse(JSON.parse(exchanged.stdout));

    for (const port of [nodePort, pythonPort, goPort]) {
      await waitUntil(
        async () => {
          expect(services.map(({ exitCode }) => exitCode)).toEqual([null, null, null]);
          return (await answerOf(port, token)) !== undefined;
        },
        `the service at ${port} to answer`,
        6 * timeout,
      );
      const answer = await answerOf(port, token);
      expect([port, answer?.status, await answer?.json()]).toMatchObject([
        port,
        200,
        { sub: id, scope: 'profile:read' },
      ]);
      for (const wrong of [KEY, `${token.slice(0, -8)}AAAAAAAA`, '']) {
        const refused = await answerOf(port, wrong);
        expect([port, refused?.status, refused?.headers.get('www-authenticate')]).toEqual([
          port,
          401,
          'Bearer',
        ]);
      }
    }
  },
  10 * timeout,
);
