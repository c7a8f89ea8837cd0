import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { findFreePorts } from '../../../src/launcher/port-finder.js';
import { newSecret, providerEnv, startGateway } from '../../support/gateway.js';
import { waitUntil } from '../../support/stack.js';

const pathOf = (file: string): string => fileURLToPath(new URL(`../../../dist/${file}`, import.meta.url));
const program = pathOf('main.js');

const coverage = z.object({
  result: z.array(
    z.object({
      url: z.string(),
      functions: z.array(
        z.object({ ranges: z.array(z.object({ startOffset: z.number(), count: z.number() })).min(1) }),
      ),
    }),
  ),
});

/** The packages of which a function was called, as V8 has counted them: of files of their own, and of the parts of the joined program. */
async function packagesRunBy(folder: string): Promise<Set<string>> {
  const text = readFileSync(program, 'utf8');
  const parts = [...text.matchAll(/^\t*\/\/ (?:dist|node_modules)\/\S+$/gm)];
  const called = new Set<string>();
  for (const file of await readdir(folder)) {
    const { result } = coverage.parse(JSON.parse(await readFile(join(folder, file), 'utf8')));
    for (const { url, functions } of result) {
      const starts = functions.flatMap(({ ranges: [whole] }) =>
        whole !== undefined && whole.count > 0 ? [whole.startOffset] : [],
      );
      const places =
        url === pathToFileURL(program).href
          ? starts.map((start) => parts.findLast(({ index }) => index <= start)?.[0] ?? '')
          : [url];
      places.forEach((place) => called.add(place));
    }
  }
  return new Set([...called].map((place) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(place)?.[1] ?? ''));
}

/** Starts the program. @returns a function that asks it to end. */
async function startProgram(env: Readonly<Record<string, string>>): Promise<() => Promise<void>> {
  const child = spawn(process.execPath, [program], {
    env: { ...env, LOG_LEVEL: 'silent' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await once(child, 'exit');
  };
  try {
    await waitUntil(
      async () => (await fetch(`${env['PUBLIC_URL']}/health/live`).catch(() => undefined))?.status === 200,
      'the program to listen',
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return stop;
}

it.each([
  ['main.js', ['libsql', 'pino']],
  ['launcher/main.js', ['libsql']],
  ['cli/main.js', ['libsql']],
])('dist/%s has all packages in it but those that look for files of their own', (file, apart) => {
  const imports = readFileSync(pathOf(file), 'utf8').matchAll(/^import (?:.* from )?"([^"]+)";$/gm);
  const names = [...imports].map(([, name]) => name ?? '').filter((name) => !isBuiltin(name));
  expect(new Set(names)).toEqual(new Set(apart));
});

it('a gateway without Redis, SMTP, SAML, metrics and tracing runs no code of the packages for them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-packages-'));
  const [port = 0] = await findFreePorts(1);
  const own = { PUBLIC_URL: `http://localhost:${port}`, PORT: String(port), SECRETS: newSecret() };
  const stop = await startProgram({
    ...providerEnv.ory,
    ...own,
    DATA_DIR: join(folder, 'data'),
    NODE_V8_COVERAGE: join(folder, 'coverage'),
  });
  await stop();
  const run = await packagesRunBy(join(folder, 'coverage'));
  await rm(folder, { recursive: true, force: true });
  // Of those that are in it and of those beside it.
  const needed = ['fastify', 'kysely', 'pino', 'libsql'];
  expect(needed.filter((name) => !run.has(name))).toEqual([]);
  const unneeded = [
    'ioredis',
    'nodemailer',
    '@node-saml/node-saml',
    'xml-crypto',
    'xml-encryption',
    'prom-client',
    '@opentelemetry/sdk-trace-node',
  ];
  expect(unneeded.filter((name) => run.has(name))).toEqual([]);
});

it('dist/main.js says of its API what the modules say that it is joined from', async () => {
  const [port = 0] = await findFreePorts(1);
  const url = `http://localhost:${port}`;
  const env = { ...providerEnv.ory, SECRETS: newSecret(), PUBLIC_URL: url, PORT: String(port) };
  const modules = await startGateway(env);
  const { DATABASE_URL, DATA_DIR } = modules.configuration;
  const stop = await startProgram({ ...env, DATABASE_URL, DATA_DIR, DEMO: 'true' });
  try {
    const answer = await fetch(`${url}/docs/openapi.json`);
    // Names of classes are names of schemas: joining must not have changed any.
    expect(await answer.text()).toBe((await modules.request('/docs/openapi.json')).text);
  } finally {
    await stop();
    await modules.stop();
  }
});
