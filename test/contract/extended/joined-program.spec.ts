import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { findFreePorts } from '../../../src/launcher/port-finder.js';
import { newSecret, providerEnv, startGateway } from '../../support/gateway.js';
import { waitUntil } from '../../support/stack.js';

const pathOf = (file: string): string => fileURLToPath(new URL(`../../../dist/${file}`, import.meta.url));
const program = pathOf('main.js');

it.each([
  ['main.js', ['ioredis', 'libsql', 'pino']],
  ['launcher/main.js', ['libsql']],
  ['cli/main.js', ['ioredis', 'libsql']],
])('dist/%s has all packages in it but those that look for files of their own', (file, apart) => {
  const imports = readFileSync(pathOf(file), 'utf8').matchAll(/^import (?:.* from )?"([^"]+)";$/gm);
  const names = [...imports].map(([, name]) => name ?? '').filter((name) => !isBuiltin(name));
  expect(new Set(names)).toEqual(new Set(apart));
});

it('dist/main.js says of its API what the modules say that it is joined from', async () => {
  const [port = 0] = await findFreePorts(1);
  const url = `http://localhost:${port}`;
  const env = { ...providerEnv.ory, SECRETS: newSecret(), PUBLIC_URL: url, PORT: String(port) };
  const modules = await startGateway(env);
  const { DATABASE_URL, DATA_DIR } = modules.configuration;
  const child = spawn(process.execPath, [program], {
    env: { ...env, DATABASE_URL, DATA_DIR, DEMO: 'true', LOG_LEVEL: 'silent' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  try {
    await waitUntil(
      async () => (await fetch(`${url}/health/live`).catch(() => undefined))?.status === 200,
      'the program to listen',
    );
    const answer = await fetch(`${url}/docs/openapi.json`);
    // Names of classes are names of schemas: joining must not have changed any.
    expect(await answer.text()).toBe((await modules.request('/docs/openapi.json')).text);
  } finally {
    child.kill('SIGTERM');
    await once(child, 'exit');
    await modules.stop();
  }
});
