import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { createProgress } from '../../scripts/progress.mjs';
import { startOry } from '../../src/launcher/ory-stack.js';
import { makeSecrets } from '../../src/launcher/secret.store.js';
import { prepareOryData } from '../support/ory.template.js';
import {
  cleanUp,
  descendantsOf,
  environmentOfLaterStart,
  launcherEnvironment,
  launcherOutcome,
  realBinaries,
  startLauncher,
  temporaryFolder,
  waitUntilGone,
  writeScript,
} from './launcher.harness.js';

const ready = 'Vestibule is ready';

/** Neither Go nor a cache: a start that gets as far as the binaries says so. */
function withoutBinaries(): Record<string, string> {
  return { PATH: '/nonexistent', VESTIBULE_CACHE: join(temporaryFolder(), 'cache') };
}

describe('a good start', () => {
  test('prints the URL, stops in order, and starts again with the same password, which nobody has used', async () => {
    const env = await launcherEnvironment();
    const first = startLauncher(env);
    await first.prints(ready);
    await first.prints(`http://localhost:${env['PORT']}`);
    await first.prints(/First administrator: admin@vestibule\.example\n {2}Password: +\S{23}\n/);
    const home = await fetch(`http://localhost:${env['PORT']}/health/ready`);
    expect(home.status).toBe(200);
    const below = descendantsOf(first.pid);
    expect(below.length).toBeGreaterThanOrEqual(4);
    first.process.kill('SIGTERM');
    expect(await first.exited).toEqual({ code: 0, signal: null });
    await waitUntilGone(below);
    expect(existsSync(join(env['DATA_DIR'] ?? '', 'launcher.lock'))).toBe(false);

    const second = startLauncher(env);
    await second.prints(ready);
    const passwordIn = (output: string): string | undefined => /Password: +(\S{23})\n/.exec(output)?.[1];
    await vi.waitFor(() => expect(passwordIn(second.output())).toBe(passwordIn(first.output())), {
      timeout: 60_000,
    });
    second.process.kill('SIGINT');
    expect((await second.exited).code).toBe(0);
  }, 120_000);

  test('two copies run side by side, each on a folder and a port of its own', async () => {
    const [one, two] = await Promise.all([environmentOfLaterStart(), environmentOfLaterStart()]);
    const copies = [startLauncher(one), startLauncher(two)];
    await Promise.all(copies.map((copy) => copy.prints(ready)));
    for (const { PORT } of [one, two]) {
      expect((await fetch(`http://localhost:${PORT}/health/ready`)).status).toBe(200);
    }
  }, 120_000);

  test('a password from the environment is used and not shown', async () => {
    const env = await launcherEnvironment({
      ADMIN_EMAIL: 'root@example.org',
      ADMIN_PASSWORD: 'moss-granite-otter-9',
    });
    const launcher = startLauncher(env);
    await launcher.prints(ready);
    expect(launcher.output()).not.toContain('moss-granite-otter-9');
    expect(launcher.output()).not.toContain('Password');
    expect(readFileSync(join(env['DATA_DIR'] ?? '', 'secrets', 'admin.json'), 'utf8')).toBe(
      '{"email":"root@example.org"}\n',
    );
  }, 120_000);

  test('names a setting that is misspelled, and a value in .env that ends at its #', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, '.env'), 'BRAND_COLOR=#0b5f59\n');
    const launcher = startLauncher(await environmentOfLaterStart({ SIGN_UP: 'closed' }), folder);
    await launcher.prints('.env: the value of BRAND_COLOR ends where its # begins a comment.');
    await launcher.prints(ready);
    await launcher.prints(
      /gateway \| .*warn: A variable is spelled almost like a setting, and is ignored: SIGN_UP: SIGNUP/,
    );
    expect(launcher.output()).not.toContain('#0b5f59');
  }, 120_000);

  test('SIGKILL of the launcher leaves no child, and the next start takes over', async () => {
    const env = await environmentOfLaterStart();
    const launcher = startLauncher(env);
    await launcher.prints(ready);
    const below = descendantsOf(launcher.pid);
    expect(below.length).toBeGreaterThanOrEqual(4);
    launcher.process.kill('SIGKILL');
    await launcher.exited;
    await waitUntilGone(below);
    const next = startLauncher(env);
    await next.prints(ready);
  }, 120_000);

  test('a killed gateway is started again', async () => {
    const env = await environmentOfLaterStart();
    const launcher = startLauncher(env);
    await launcher.prints(ready);
    const main = join('dist', 'main.js');
    const table = spawnSync('ps', ['-A', '-o', 'pid=,args='], { encoding: 'utf8' }).stdout;
    const ours = new Set(descendantsOf(launcher.pid));
    const gateway = table
      .split('\n')
      .map((row) => /^\s*(\d+)\s+\S*node\S* (.*)$/.exec(row))
      .find((row) => ours.has(Number(row?.[1])) && row?.[2]?.includes(main));
    process.kill(Number(gateway?.[1]), 'SIGKILL');
    await launcher.prints(/gateway \| ended with SIGKILL; starting it again in 0\.25 s/);
    await launcher.prints('gateway | is ready again');
    expect((await fetch(`http://localhost:${env['PORT']}/health/ready`)).status).toBe(200);
  }, 120_000);

  test('with the addresses of an Ory elsewhere, the gateway runs alone', async () => {
    const dataDir = temporaryFolder();
    await prepareOryData(dataDir);
    const ory = await startOry({
      dataDir,
      secrets: makeSecrets(),
      publicUrl: 'http://localhost:3000',
      environment: process.env,
      mail: false,
      log: () => {},
      progress: createProgress(),
    });
    cleanUp(() => ory.stop());
    const env = await launcherEnvironment({
      ...ory.env,
      ...withoutBinaries(),
      SECRETS: 'd1e8a70b5ccab1dc2f56bbf7e99f064a660c08e361a35751b9c483c88943d082',
    });
    const launcher = startLauncher({ ...env, PUBLIC_URL: `http://localhost:${env['PORT']}` });
    await launcher.prints(`Vestibule is ready: http://localhost:${env['PORT']}`);
    const running = descendantsOf(launcher.pid).map((pid) =>
      execFileSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' }),
    );
    expect(running.filter((args) => args.includes('dist/main.js')).length).toBeGreaterThan(0);
    expect(running.filter((args) => /kratos|hydra|mailpit/.test(args))).toEqual([]);
    expect(existsSync(join(env['DATA_DIR'] ?? '', 'ory'))).toBe(false);
  });
});

test('under another provider, what keeps everybody from logging in is in the terminal in the first seconds', async () => {
  const env = await launcherEnvironment({
    AUTH_PROVIDER: 'oidc',
    OIDC_ISSUER: 'http://127.0.0.1:9',
    OIDC_CLIENT_ID: 'vestibule',
    OIDC_CLIENT_SECRET: 'the secret of a client',
    SECRETS: 'd1e8a70b5ccab1dc2f56bbf7e99f064a660c08e361a35751b9c483c88943d082',
  });
  const launcher = startLauncher(env);
  await launcher.prints(/gateway \| .*Server listening/);
  await launcher.prints(
    /warn: The OpenID provider cannot be discovered: 127\.0\.0\.1:9.*OIDC_ISSUER/,
    10_000,
  );
  expect(launcher.output()).not.toContain(ready);
});

describe('a bad start ends with one clear message and a code', () => {
  test('wrong variables: all of them, 78, before anything is made', async () => {
    const env = await launcherEnvironment({ ...withoutBinaries(), PORT: 'http', LOG_LEVEL: 'loud' });
    const { code, output } = await launcherOutcome(env);
    expect(code).toBe(78);
    expect(output).toMatch(/PORT: /);
    expect(output).toMatch(/LOG_LEVEL: /);
    expect(output).not.toContain('loud');
    expect(existsSync(env['DATA_DIR'] ?? '')).toBe(false);
  });

  test('a port in use, before anything is built', async () => {
    const env = await launcherEnvironment(withoutBinaries());
    const server = createServer().listen(Number(env['PORT']), '127.0.0.1');
    await once(server, 'listening');
    cleanUp(() => void server.close());
    const { code, output } = await launcherOutcome(env);
    expect(code).toBe(1);
    expect(output).toContain(`Port ${env['PORT']} on 127.0.0.1 is already in use`);
    expect(output).not.toContain('building');
    expect(readdirSync(env['DATA_DIR'] ?? '')).toEqual([]);
  });

  test('no Go and no binaries', async () => {
    const { code, output } = await launcherOutcome(await launcherEnvironment(withoutBinaries()));
    expect(code).toBe(1);
    expect(output).toContain("without Go it can't be built");
  });

  test('a data folder that is a file', async () => {
    const path = join(temporaryFolder(), 'data');
    writeFileSync(path, '');
    const { code, output } = await launcherOutcome(await launcherEnvironment({ DATA_DIR: path }));
    expect(code).toBe(1);
    expect(output).toContain(`The data folder ${path} can't be written`);
  });

  test.runIf(process.platform === 'linux')('a data folder on a read-only file system', async () => {
    const env = await launcherEnvironment({ DATA_DIR: '/sys/kernel/vestibule' });
    const { code, output } = await launcherOutcome(env);
    expect(code).toBe(1);
    expect(output).toContain("The data folder /sys/kernel/vestibule can't be written");
  });

  test('a half-written secrets file, which stays as it is', async () => {
    const env = await launcherEnvironment(withoutBinaries());
    const path = join(env['DATA_DIR'] ?? '', 'secrets', 'secrets.json');
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, '{"gateway":["ab');
    const { code, output } = await launcherOutcome(env);
    expect(code).toBe(1);
    expect(output).toContain(`The secrets file ${path} is broken`);
    expect(readFileSync(path, 'utf8')).toBe('{"gateway":["ab');
  });

  test('a second copy on the same data folder, which names the first', async () => {
    const env = await environmentOfLaterStart();
    const first = startLauncher(env);
    await first.prints(ready);
    const { code, output } = await launcherOutcome(env);
    expect(code).toBe(1);
    expect(output).toContain(`Another copy (process ${first.pid} on `);
    expect(output).toContain('DATA_DIR=');
    expect(first.process.exitCode).toBeNull();
  }, 120_000);

  test('a child that dies at once', async () => {
    const binaries = await realBinaries();
    const broken = writeScript(join(temporaryFolder(), 'kratos'), [
      `case "$1" in serve) echo "no room" >&2; exit 4;; *) exec '${binaries.KRATOS_BIN}' "$@";; esac`,
    ]);
    const env = await launcherEnvironment({ ...binaries, KRATOS_BIN: broken });
    const launcher = startLauncher(env);
    expect((await launcher.exited).code).toBe(4);
    expect(launcher.output()).toContain(
      'kratos ended with code 4 before it was ready. Its last lines:\n  no room',
    );
    expect(existsSync(join(env['DATA_DIR'] ?? '', 'launcher.lock'))).toBe(false);
  });

  test('a gateway that ends before it is ready: the same code, and nothing is left', async () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, '');
    const env = await launcherEnvironment({ DATABASE_URL: `file:${file}/vestibule.db` });
    const { code, output } = await launcherOutcome(env);
    expect(code).toBeGreaterThan(0);
    expect(output).toMatch(/gateway ended with code \d+ before it was ready/);
    expect(existsSync(join(env['DATA_DIR'] ?? '', 'launcher.lock'))).toBe(false);
  });

  test('an interrupted build ends with the launcher', async () => {
    const folder = temporaryFolder();
    writeScript(join(folder, 'go'), ['echo $$ >> "$HOME/building"', 'exec sleep 600']);
    const cache = join(folder, 'cache');
    const env = await launcherEnvironment({
      PATH: `${folder}:/usr/bin:/bin`,
      HOME: folder,
      VESTIBULE_CACHE: cache,
    });
    const launcher = startLauncher(env);
    const builders = await vi.waitFor(
      () => {
        const pids = readFileSync(join(folder, 'building'), 'utf8').trim().split('\n').map(Number);
        expect(pids).toHaveLength(1);
        return pids;
      },
      { timeout: 60_000 },
    );
    launcher.process.kill('SIGTERM');
    expect((await launcher.exited).code).toBe(143);
    await waitUntilGone(builders);
    expect(readdirSync(env['DATA_DIR'] ?? '').filter((name) => name.includes('lock'))).toEqual([]);
  });
});
