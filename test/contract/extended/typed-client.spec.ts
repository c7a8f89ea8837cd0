import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient } from '@hey-api/openapi-ts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findFreePorts } from '../../../src/launcher/port-finder.js';
import { type Gateway, startGateway } from '../../support/gateway.js';
import { keyOf } from '../../support/world.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const scenario = join(root, 'examples/typed-client/scenario.ts');
const compiler = join(root, 'scripts/tsc.mjs');

let gateway: Gateway;
let folder: string;
let url: string;

beforeAll(async () => {
  const [port = 0] = await findFreePorts(1);
  url = `http://localhost:${port}`;
  gateway = await startGateway({ PUBLIC_URL: url });
  await gateway.app.listen(port, '127.0.0.1');
  folder = await mkdtemp(join(tmpdir(), 'vestibule-client-'));
});

afterAll(async () => {
  await gateway?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Runs a program of Node's. @returns its exit code and what it printed. */
async function run(...args: readonly string[]): Promise<{ code: number | null; out: string }> {
  const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => (out += String(chunk)));
  child.stderr.on('data', (chunk: Buffer) => (out += String(chunk)));
  await once(child, 'close');
  return { code: child.exitCode, out };
}

/** What an adopter's project is: the generated client, their code, and a compiler that is strict. */
async function makeProject(): Promise<void> {
  await mkdir(join(folder, 'src'));
  await createClient({
    input: `${url}/docs/openapi.json`,
    output: { path: join(folder, 'src/client'), module: { extension: '.js' } },
    logs: { level: 'silent' },
  });
  await copyFile(scenario, join(folder, 'src/scenario.ts'));
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  const compilerOptions = {
    target: 'es2023',
    lib: ['es2023', 'dom', 'dom.iterable'],
    module: 'nodenext',
    strict: true,
    skipLibCheck: true,
    types: ['node'],
    rootDir: 'src',
    outDir: 'out',
  };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['src'] }));
}

it(
  'a client that is generated from the document type-checks and does what the document says',
  {
    timeout: 120_000,
  },
  async () => {
    await makeProject();
    expect(await run(compiler, '-p', '.')).toEqual({ code: 0, out: '' });
    const { user } = await gateway.session({ name: 'Ada Lovelace' });
    const key = await keyOf(gateway.app, user.id, 'api');
    const { code, out } = await run('out/scenario.js', url, key);
    expect({ code, out }).toMatchObject({ code: 0 });
    expect(JSON.parse(out)).toEqual({
      me: { id: user.id, name: 'Ada Lovelace' },
      created: 'vst_',
      listed: ['first', 'key', 'second'],
      pages: 2,
      refused: { status: 400, code: 'validation_failed', fields: ['name'] },
      anonymous: { status: 401, code: 'unauthenticated' },
      revoked: 204,
      gone: { status: 404, code: 'not_found' },
    });
  },
);
