import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { z } from 'zod';
import { diskProblem } from '../../scripts/preflight.mjs';
import { checkNode } from '../../scripts/prepare.mjs';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { linkPackages } from '../support/checkout.copy.js';
import { cleanUp, root, temporaryFolder } from './launcher.harness.js';

/** Stands in for npm: notes what it is asked for, and makes what the real one would make. */
const fakeNpm = `
  import { appendFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
  const what = process.argv[2];
  if (what === 'ping') {
    if (existsSync('offline')) process.stderr.write('npm error code EAI_AGAIN\\n');
    process.exit(0);
  }
  if (process.argv.includes('--offline')) appendFileSync('asked', 'offline ');
  writeFileSync('pid', String(process.pid));
  if (process.argv.includes('--workspaces=false')) appendFileSync('asked', 'small ');
  appendFileSync('asked', what + '\\n');
  if (existsSync('fail')) { process.stderr.write('E404 no such package\\n'); process.exit(1); }
  const wait = setInterval(async () => {
    if (existsSync('hold')) return;
    clearInterval(wait);
    for (const folder of what === 'ci' ? ['node_modules'] : ['dist/launcher', 'dist/cli']) {
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { recursive: true });
    }
    if (what === 'run') {
      writeFileSync('dist/launcher/main.js', 'process.stdout.write("the launcher runs\\\\n");');
      writeFileSync('dist/cli/main.js', '#!/usr/bin/env node\\nprocess.stdout.write("the command line runs\\\\n");');
      const { noteBuild, sourceHash } = await import('./scripts/prepare.mjs');
      noteBuild(sourceHash());
    }
    appendFileSync('asked', what + ' done\\n');
  }, 10);
`;

interface Checkout {
  readonly folder: string;
  readonly asked: () => string[];
  readonly start: (environment?: Readonly<Record<string, string>>) => {
    readonly output: () => string;
    readonly exited: Promise<number | null>;
    readonly kill: () => void;
  };
}

function checkout(): Checkout {
  const folder = join(temporaryFolder(), 'a clone');
  for (const name of [
    'scripts',
    'docker/kratos/go.mod',
    'docker/mailpit/go.mod',
    'package.json',
    'package-lock.json',
    'nest-cli.json',
    'tsconfig.json',
    'tsconfig.build.json',
  ]) {
    cpSync(join(root, name), join(folder, name), { recursive: true });
  }
  mkdirSync(join(folder, 'src'));
  writeFileSync(join(folder, 'src', 'main.ts'), '');
  writeFileSync(join(folder, 'npm.js'), fakeNpm);
  return {
    folder,
    asked: () =>
      existsSync(join(folder, 'asked')) ? readFileSync(join(folder, 'asked'), 'utf8').trim().split('\n') : [],
    start: (environment = {}) => {
      const child = spawn(process.execPath, [join(folder, 'scripts', 'start.mjs')], {
        cwd: folder,
        // No port: the tests that are about it name theirs.
        env: {
          PATH: process.env['PATH'] ?? '',
          npm_execpath: join(folder, 'npm.js'),
          PORT: '0',
          ...environment,
        },
      });
      cleanUp(() => void child.kill('SIGKILL'));
      let output = '';
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (text: string) => {
          output += text;
        });
      }
      const exited = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
      return { output: () => output, exited, kill: () => void child.kill('SIGKILL') };
    },
  };
}

const everything = ['small ci', 'ci done', 'run', 'run done'];

test('installs and builds once, then starts at once', async () => {
  const { start, asked, folder } = checkout();
  const first = start();
  expect(await first.exited).toBe(0);
  expect(first.output()).toBe('the launcher runs\n');
  expect(execFileSync(join(folder, 'node_modules', '.bin', 'vestibule'), { encoding: 'utf8' })).toBe(
    'the command line runs\n',
  );
  const second = start();
  expect(await second.exited).toBe(0);
  expect(asked()).toEqual(everything);
});

test('builds again after a change of the sources, installs again after one of the lock file', async () => {
  const { start, asked, folder } = checkout();
  await start().exited;
  writeFileSync(join(folder, 'src', 'main.ts'), 'changed');
  await start().exited;
  expect(asked()).toEqual([...everything, 'run', 'run done']);
  writeFileSync(join(folder, 'package-lock.json'), '{}');
  await start().exited;
  expect(asked().slice(6)).toEqual(everything);
});

test('a start builds nothing where `npm run build` did, until the sources change', async () => {
  const { start, asked, folder } = checkout();
  linkPackages(folder);
  const program = `process.stdout.write('the launcher runs\\n');\n`;
  for (const [path, text] of [
    ['cli/main.ts', program],
    ['launcher/main.ts', program],
    ['pages/assets/page.css', 'body {}\n'],
    ['platform/i18n/locales/nl.json', '{}\n'],
  ] as const) {
    mkdirSync(dirname(join(folder, 'src', path)), { recursive: true });
    writeFileSync(join(folder, 'src', path), text);
  }
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: folder });
  for (const path of ['main.d.ts', 'pages/assets/page.css', 'platform/i18n/locales/nl.json']) {
    expect(existsSync(join(folder, 'dist', path)), path).toBe(true);
  }
  const first = start();
  expect([await first.exited, first.output(), asked()]).toEqual([0, 'the launcher runs\n', []]);
  writeFileSync(join(folder, 'src', 'main.ts'), 'changed');
  await start().exited;
  expect(asked()).toEqual(['run', 'run done']);
});

test.each(['bench', 'bench:check'])(
  '`npm run %s` installs its tools where only `npm start` ran',
  async (name) => {
    const { start, asked, folder } = checkout();
    await start().exited;
    mkdirSync(join(folder, 'bench'));
    for (const script of ['run', 'check']) {
      writeFileSync(join(folder, 'bench', `${script}.mjs`), 'process.stdout.write("measured");');
    }
    const { scripts } = z
      .looseObject({ scripts: z.record(z.string(), z.string()) })
      .parse(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')));
    const env = { PATH: process.env['PATH'] ?? '', npm_execpath: join(folder, 'npm.js') };
    const said = execFileSync('sh', ['-c', scripts[name] ?? ''], { cwd: folder, encoding: 'utf8', env });
    expect([asked().slice(everything.length), said]).toEqual([['ci', 'ci done'], 'measured']);
  },
);

test('two starts at once install and build once; the second says that it waits', async () => {
  const { start, asked, folder } = checkout();
  writeFileSync(join(folder, 'hold'), '');
  const first = start();
  await vi.waitFor(() => expect(asked()).toEqual(['small ci']), { timeout: 60_000 });
  const second = start();
  await vi.waitFor(() => expect(second.output()).toContain('waiting for another start in this folder'), {
    timeout: 60_000,
  });
  rmSync(join(folder, 'hold'));
  expect(await Promise.all([first.exited, second.exited])).toEqual([0, 0]);
  expect(asked()).toEqual(everything);
});

test('what a killed start was doing ends with it, and is done again', async () => {
  const { start, asked, folder } = checkout();
  writeFileSync(join(folder, 'hold'), '');
  const first = start();
  await vi.waitFor(() => expect(asked()).toEqual(['small ci']), { timeout: 60_000 });
  first.kill();
  await first.exited;
  // Its watcher ends it, a moment after the one it was started by.
  const npm = Number(readFileSync(join(folder, 'pid'), 'utf8'));
  await vi.waitFor(() => expect(() => process.kill(npm, 0)).toThrow('ESRCH'), { timeout: 60_000 });
  rmSync(join(folder, 'hold'));
  expect(await start().exited).toBe(0);
  expect(asked()).toEqual(['small ci', ...everything]);
});

test("npm's output is shown when it fails, and nothing counts as installed", async () => {
  const { start, asked, folder } = checkout();
  writeFileSync(join(folder, 'fail'), '');
  const failed = start();
  expect(await failed.exited).toBe(1);
  expect(failed.output()).toMatch(
    /E404 no such package\n\ninstalling dependencies: npm ci .* ended with code 1/,
  );
  rmSync(join(folder, 'fail'));
  expect(await start().exited).toBe(0);
  expect(asked()).toEqual(['small ci', ...everything]);
});

/** A folder of programs with only these in it. */
function programs(names: Readonly<Record<string, string>>): string {
  const folder = temporaryFolder();
  for (const [name, script] of Object.entries(names)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  return folder;
}

test('a missing or old Go is named before anything is installed', async () => {
  const { start, asked } = checkout();
  const cache = temporaryFolder();
  const withoutGo = start({ PATH: programs({}), VESTIBULE_CACHE: cache });
  expect(await withoutGo.exited).toBe(1);
  expect(withoutGo.output()).toMatch(
    /^Kratos, Hydra and Mailpit have to be built first, .* no Go .* Install Go 1\.\d+\.\d+ or newer/,
  );
  const old = start({ PATH: programs({ go: 'echo go1.21.4; echo local' }), VESTIBULE_CACHE: cache });
  expect(await old.exited).toBe(1);
  expect(old.output()).toMatch(/the Go on this machine is 1\.21\.4\. Install Go/);
  const ancient = start({ PATH: programs({ go: 'echo go1.19.8; echo' }), VESTIBULE_CACHE: cache });
  expect(await ancient.exited).toBe(1);
  expect(ancient.output()).toMatch(/the Go on this machine is 1\.19\.8\. Install Go/);
  expect(asked()).toEqual([]);
  // Another provider needs none.
  expect(await start({ PATH: programs({}), VESTIBULE_CACHE: cache, AUTH_PROVIDER: 'oidc' }).exited).toBe(0);
  expect(asked()).toEqual(everything);
});

test('says in advance how long the first start takes, and what the module proxy does not give', async () => {
  const { start } = checkout();
  const go = [
    '[ "$1" = env ] && { echo go1.99.0; echo auto; exit; }',
    '[ "$1" = list ] && { echo "dial tcp: lookup proxy.example: no such host" >&2; exit 1; }',
  ];
  const first = start({ PATH: programs({ go: go.join('\n') }), VESTIBULE_CACHE: temporaryFolder() });
  expect(await first.exited).toBe(0);
  expect(first.output()).toMatch(/^First start: installs packages, .*\n.* minutes/);
  expect(first.output()).toContain("The Go module proxy can't be reached (dial tcp: lookup proxy.example");
});

test('a port in use is named before anything is installed', async () => {
  const { start, asked } = checkout();
  const [port = 0] = await findFreePorts(1);
  const server = createServer().listen(port, '127.0.0.1');
  cleanUp(() => void server.close());
  for (const environment of [{ PORT: String(port) }, { PORT: '', PUBLIC_URL: `http://localhost:${port}` }]) {
    const refused = start(environment);
    expect(await refused.exited).toBe(1);
    expect(refused.output()).toBe(
      `Port ${port} on 127.0.0.1 is already in use. Stop what listens there, or choose another: PORT=${port + 1}\n`,
    );
  }
  expect(asked()).toEqual([]);
});

test('a full disk is named with what is needed', () => {
  expect(diskProblem(join(temporaryFolder(), 'not', 'yet'), 1e18, 'The packages')).toMatch(
    /^The packages need about 1000000000000 MB, and the disk of .* has \d+ MB free\./,
  );
  expect(diskProblem(temporaryFolder(), 1, 'The packages')).toBeUndefined();
});

test('what was installed by hand is not installed again', async () => {
  const { start, asked, folder } = checkout();
  const lock: unknown = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'));
  mkdirSync(join(folder, 'node_modules'));
  const record = join(folder, 'node_modules', '.package-lock.json');
  writeFileSync(record, JSON.stringify(lock));
  // The lock file has the packages of every platform, and an installation only this machine's.
  expect(await start().exited).toBe(0);
  expect(asked()[0]).toBe('small ci');
  // And one of before a package was added counts as none.
  rmSync(join(folder, 'node_modules', '.vestibule-installed'));
  rmSync(join(folder, 'asked'));
  writeFileSync(record, JSON.stringify({ packages: {} }));
  expect(await start().exited).toBe(0);
  expect(asked()[0]).toBe('small ci');
  const { packages } = z.object({ packages: z.record(z.string(), z.unknown()) }).parse(lock);
  const required = Object.entries(packages).filter(([, entry]) => !Object(entry).optional);
  writeFileSync(record, JSON.stringify({ packages: Object.fromEntries(required) }));
  rmSync(join(folder, 'node_modules', '.vestibule-installed'));
  rmSync(join(folder, 'asked'));
  rmSync(join(folder, 'node_modules', '.bin'), { recursive: true });
  expect(await start().exited).toBe(0);
  expect(asked()).toEqual([]);
  expect(existsSync(join(folder, 'node_modules', '.bin', 'vestibule'))).toBe(true);
});

test('Ory elsewhere needs no Go, whichever way its addresses are given, and a port may be in a file', async () => {
  const { start, folder } = checkout();
  const none = { PATH: programs({}), VESTIBULE_CACHE: temporaryFolder() };
  writeFileSync(join(folder, 'url'), 'http://127.0.0.1:4434\n');
  expect(await start({ ...none, KRATOS_ADMIN_URL_FILE: join(folder, 'url') }).exited).toBe(0);
  rmSync(join(folder, 'dist'), { recursive: true });
  const [port = 0] = await findFreePorts(1);
  const server = createServer().listen(port, '127.0.0.1');
  cleanUp(() => void server.close());
  writeFileSync(join(folder, 'port'), String(port));
  const refused = start({ PORT: '', PORT_FILE: join(folder, 'port') });
  expect(await refused.exited).toBe(1);
  expect(refused.output()).toContain(`Port ${port} on 127.0.0.1 is already in use`);
});

test('AIR_GAPPED keeps Go from the network before the launcher does', async () => {
  const { start, folder } = checkout();
  const notes = join(folder, 'go-was-asked');
  const go = [
    '[ "$1" = env ] && { echo go1.99.0; echo auto; exit; }',
    `echo "$1 GOPROXY=$GOPROXY GOTOOLCHAIN=$GOTOOLCHAIN" >> "${notes}"`,
  ];
  writeFileSync(join(folder, '.env'), 'AIR_GAPPED=true\n');
  const first = start({ PATH: programs({ go: go.join('\n') }), VESTIBULE_CACHE: temporaryFolder() });
  expect(await first.exited).toBe(0);
  expect(new Set(readFileSync(notes, 'utf8').trim().split('\n'))).toEqual(
    new Set(['list GOPROXY=off GOTOOLCHAIN=local']),
  );
});

test('a registry out of reach is named at once, and what npm has cached is taken', async () => {
  const { start, asked, folder } = checkout();
  writeFileSync(join(folder, 'offline'), '');
  const first = start();
  expect(await first.exited).toBe(0);
  expect(first.output()).toContain("The package registry can't be reached (EAI_AGAIN)");
  expect(asked()[0]).toBe('offline small ci');
});

test('an old Node is named', () => {
  expect(() => checkNode('18.20.0')).toThrow('Vestibule needs Node >=20.19; this is Node 18.20.0');
  expect(() => checkNode('20.18.3')).toThrow('this is Node 20.18.3');
  expect(() => checkNode('20.19.0')).not.toThrow();
  expect(() => checkNode('24.1.0')).not.toThrow();
});
