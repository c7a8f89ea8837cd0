import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { SigningKeyRotation } from '../../src/session/tokens/signing-key-rotation.js';
import { administratorAt } from '../support/administrator.js';
import { makeKey } from '../support/api.caller.js';
import { blockRunBy } from '../support/document.blocks.js';
import { type Gateway, type HeldSession, startGateway } from '../support/gateway.js';
import { installPackages, packPackages } from '../support/packed.packages.js';
import { programOf, services } from '../support/runtime.program.js';
import { type StartedServer, startServer } from '../support/service.program.js';

const spec = 'test/packages/runtimes.spec.ts';
const folder = mkdtempSync(join(tmpdir(), 'vestibule-runtimes-'));

let gateway: Gateway;
let issuer: string;
let held: HeldSession;

beforeAll(async () => {
  installPackages(folder, packPackages(join(folder, 'packed')));
  const [port = 0] = await findFreePorts(1);
  issuer = `http://localhost:${port}`;
  gateway = await startGateway({ PUBLIC_URL: issuer, PORT: String(port) });
  await gateway.app.listen(port, '127.0.0.1');
  held = await gateway.session();
  const printed = blockRunBy('packages/verify/README.md', spec, 'hello').replace(
    /^const vestibule = .*\n/m,
    () => blockRunBy('packages/verify/README.md', spec, 'api keys'),
  );
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(folder, 'worker.js'), printed.replaceAll('http://localhost:3000', issuer));
});

afterAll(async () => {
  await gateway?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** How each runtime starts the worker at a port. */
const runtimes: Readonly<Record<string, (port: number) => Promise<readonly [string, ...string[]]>>> = {
  node: async (port) => {
    const text = `import { serve } from '@hono/node-server';\nimport worker from './worker.js';\nserve({ fetch: worker.fetch, port: ${port}, hostname: '127.0.0.1' });\n`;
    writeFileSync(join(folder, 'node.js'), text);
    return [process.execPath, 'node.js'];
  },
  deno: async (port) => [
    programOf('deno'),
    'serve',
    '--no-remote',
    '--node-modules-dir=manual',
    '--allow-net=localhost,127.0.0.1',
    '--host=127.0.0.1',
    `--port=${port}`,
    'worker.js',
  ],
  bun: async (port) => {
    const text = `import worker from './worker.js';\nexport default { ...worker, port: ${port}, hostname: '127.0.0.1' };\n`;
    writeFileSync(join(folder, 'bun.js'), text);
    return [programOf('bun'), 'run', '--no-install', 'bun.js'];
  },
  workerd: async (port) => {
    const bundle = await rolldown({ cwd: folder, input: 'worker.js', platform: 'browser' });
    await bundle.write({ file: join(folder, 'bundle.js'), format: 'esm' });
    await bundle.close();
    const config = `using Workerd = import "/workerd/workerd.capnp";
      const config :Workerd.Config = (
        services = [
          (name = "main", worker = (
            modules = [(name = "bundle.js", esModule = embed "bundle.js")],
            compatibilityDate = "2025-01-01",
          )),
          (name = "internet", network = (allow = ["private", "local"])),
        ],
        sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
      );`;
    writeFileSync(join(folder, 'config.capnp'), config);
    return [services('workerd').default, 'serve', 'config.capnp'];
  },
};

it('the README verifies a token of a test issuer', () => {
  const blocks = ['test', 'verify'].map((name) => blockRunBy('packages/verify/README.md', spec, name));
  writeFileSync(
    join(folder, 'readme.js'),
    [...blocks, 'console.log(JSON.stringify(claims.roles));'].join('\n'),
  );
  const printed = execFileSync(process.execPath, ['readme.js'], { cwd: folder, encoding: 'utf8' });
  expect(JSON.parse(printed)).toEqual(['admin']);
});

it('the README subscribes to ended sessions, and refuses one', async () => {
  const administrator = await administratorAt(gateway);
  const { key } = await makeKey(
    gateway,
    { authorization: administrator.bearer },
    { scope: 'revocations:read' },
  );
  const ended = await gateway.session();
  await gateway.request('/auth/logout', {
    method: 'POST',
    headers: { cookie: ended.cookie, origin: issuer },
  });
  const block = blockRunBy('packages/verify/README.md', spec, 'revocations').replaceAll(
    'http://localhost:3000',
    issuer,
  );
  const rest = `const reason = await vestibule.verify(process.env.TOKEN).then(() => 'none', (error) => error.reason);\nconsole.log(reason);\nvestibule.close();\n`;
  writeFileSync(
    join(folder, 'subscribe.js'),
    `import { createVerifier } from '@vestibule-auth/verify';\n${block}${rest}`,
  );
  const { stdout } = await promisify(execFile)(process.execPath, ['subscribe.js'], {
    cwd: folder,
    env: { REVOCATIONS_KEY: key, TOKEN: ended.token },
  });
  expect(stdout).toBe('session_ended\n');
});

describe.each(Object.entries(runtimes))('the worker of the README in %s', (name, start) => {
  let server: StartedServer;
  let url: string;

  beforeAll(async () => {
    const [port = 0] = await findFreePorts(1);
    url = `http://127.0.0.1:${port}`;
    const command = await start(port);
    const env = {
      PATH: process.env['PATH'],
      HOME: folder,
      DENO_DIR: join(folder, 'deno'),
      DENO_NO_UPDATE_CHECK: '1',
    };
    // Asked without a token: no keys are read for that.
    server = await startServer(url, command, { cwd: folder, env });
  });

  afterAll(async () => server?.stop());

  const ask = (token: string): Promise<Response> =>
    fetch(url, { headers: { authorization: `Bearer ${token}` } });

  it('knows who calls, from the first requests on, which come at once', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, async () => ask(held.token)));
    for (const answer of [...answers, await ask(held.token)]) {
      expect([answer.status, await answer.json()]).toEqual([200, held.user]);
    }
  });

  it('takes API keys, from the first requests on, which come at once', async () => {
    const { key } = await makeKey(gateway, { authorization: held.bearer }, { scope: 'api' });
    const exchanges = (): number => gateway.log.filter((line) => line.includes('"/auth/token"')).length;
    const before = exchanges();
    const askByKey = async (): Promise<Response> => fetch(url, { headers: { 'x-api-key': key } });
    const answers = await Promise.all(Array.from({ length: 20 }, askByKey));
    for (const answer of [...answers, await askByKey()]) {
      expect([answer.status, await answer.json()]).toEqual([200, held.user]);
    }
    // In workerd a request can't wait for what another one fetches.
    expect(exchanges() - before).toBeLessThanOrEqual(name === 'workerd' ? 20 : 1);
  });

  it('refuses a request without a token, and a tampered one', async () => {
    const bare = await fetch(url);
    expect([bare.status, bare.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    expect(await bare.json()).toMatchObject({ code: 'unauthenticated', loginUrl: `${issuer}/auth/login` });
    expect((await ask(`${held.token.slice(0, -8)}AAAAAAAA`)).status).toBe(401);
  });

  it('takes tokens of a key that came later', async () => {
    expect(await gateway.app.get(SigningKeyRotation, { strict: false }).rotate()).toBe(true);
    const fresh = await gateway.session();
    expect((await ask(fresh.token)).status).toBe(200);
    expect((await ask(held.token)).status).toBe(200);
  });
});
