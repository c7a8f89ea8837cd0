import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test, vi } from 'vitest';
import type { Progress } from '../../scripts/progress.mjs';
import { buildBinary } from '../../src/launcher/binary-builder.js';
import { cacheFolder } from '../../src/launcher/binary.cache.js';
import { pinnedBinaries } from '../../src/launcher/binary-pins.js';
import { dockerFolder, findBinaries } from '../../src/launcher/binary.store.js';
import { descendantsOf, cleanUp, temporaryFolder, waitUntilGone, writeScript } from './launcher.harness.js';

const version = pinnedBinaries.mailpit.version;

interface Workshop {
  readonly folder: string;
  readonly cache: string;
  readonly environment: Record<string, string>;
  /** How often `go build` ran. */
  readonly builds: () => number;
  readonly said: string[];
  readonly find: () => Promise<string>;
}

/** A machine with a `go` that notes each build, waits for a file when told to, and makes a tiny Mailpit. */
function workshop(goLines: readonly string[] = []): Workshop {
  const folder = temporaryFolder();
  const cache = join(folder, 'cache');
  const notes = join(folder, 'builds');
  writeScript(join(folder, 'go'), [
    `echo build >> "${notes}"`,
    'while [ $# -gt 0 ]; do [ "$1" = -o ] && output=$2; shift; done',
    'printf "#!/bin/sh\\n" > "$output"',
    ...goLines,
    `echo 'echo mailpit v${version} compiled with go' >> "$output"`,
    'chmod +x "$output"',
  ]);
  const environment = { PATH: `${folder}:/usr/bin:/bin`, HOME: folder, VESTIBULE_CACHE: cache };
  const said: string[] = [];
  const progress: Progress = {
    line: (text) => said.push(text),
    step: (label) => {
      said.push(label);
      return { done: () => said.push(`${label}: done`), failed: () => said.push(`${label}: failed`) };
    },
  };
  return {
    folder,
    cache,
    environment,
    builds: () => (existsSync(notes) ? readFileSync(notes, 'utf8').split('\n').length - 1 : 0),
    said,
    find: async () => (await findBinaries(['mailpit'], environment, progress)).get('mailpit') ?? '',
  };
}

test('takes a cached binary that a copy has left without the right to run', async () => {
  const { find, builds } = workshop();
  const path = await find();
  chmodSync(path, 0o644);
  expect(await find()).toBe(path);
  expect(statSync(path).mode & 0o111).toBe(0o111);
  expect(builds()).toBe(1);
});

test('a relative cache is the same in every folder', () => {
  expect(cacheFolder({ VESTIBULE_CACHE: '.cache' }, '/home/user')).toBe(resolve('.cache'));
});

test('builds once, then takes the cached binary', async () => {
  const { find, builds, said, cache } = workshop();
  const before = readdirSync(join(dockerFolder, 'mailpit')).map((name) => [
    name,
    statSync(join(dockerFolder, 'mailpit', name)).mtimeMs,
  ]);
  const path = await find();
  expect(path.startsWith(join(cache, `mailpit-${version}-${process.platform}-${process.arch}-`))).toBe(true);
  expect(await find()).toBe(path);
  expect(builds()).toBe(1);
  expect(said).toEqual([`building Mailpit ${version}`, `building Mailpit ${version}: done`]);
  expect(readdirSync(cache).filter((name) => /^build-|lock/.test(name))).toEqual([]);
  const after = readdirSync(join(dockerFolder, 'mailpit')).map((name) => [
    name,
    statSync(join(dockerFolder, 'mailpit', name)).mtimeMs,
  ]);
  expect(after).toEqual(before);
});

test('builds side by side in one cache leave each other alone', async () => {
  const { cache, environment, builds } = workshop();
  mkdirSync(cache);
  const signal = new AbortController().signal;
  const progress: Progress = {
    line: () => undefined,
    step: () => ({ done: () => undefined, failed: () => undefined }),
  };
  const setting = {
    cacheFolder: cache,
    moduleFolder: join(dockerFolder, 'mailpit'),
    environment,
    progress,
    signal,
  };
  const sizes: number[] = [];
  await Promise.all(
    Array.from({ length: 12 }, () =>
      buildBinary(pinnedBinaries.mailpit, setting, async (path) => {
        sizes.push(statSync(path).size);
      }),
    ),
  );
  expect(builds()).toBe(12);
  expect(new Set(sizes).size).toBe(1);
  expect(readdirSync(cache)).toEqual([]);
});

test('a cached binary that was changed is built again', async () => {
  const { find, builds } = workshop();
  const path = await find();
  appendFileSync(path, 'echo tampered\n');
  expect(await find()).toBe(path);
  expect(builds()).toBe(2);
  expect(readFileSync(path, 'utf8')).not.toContain('tampered');
});

test('one without its checksum is built again', async () => {
  const { find, builds } = workshop();
  writeFileSync(`${await find()}.sha256`, '');
  await find();
  expect(builds()).toBe(2);
});

test('two processes at once build once, and the second says whom it waits for', async () => {
  const gate = 'while [ ! -e "$HOME/open" ]; do :; done';
  const { find, builds, folder, said, environment, cache } = workshop([gate]);
  const script = `
    const { waitForLock } = await import(${JSON.stringify(new URL('../../scripts/lock.mjs', import.meta.url).href)});
    await waitForLock(process.argv[1]);
    process.stdout.write('locked');
    setInterval(() => {}, 1000);
  `;
  // The first is a process that has the lock; how it is named is learnt from a build of our own.
  const first = find();
  await vi.waitFor(() => expect(builds()).toBe(1), { timeout: 60_000 });
  const lock = readdirSync(cache).find((name) => name.startsWith('mailpit-') && name.endsWith('.lock')) ?? '';
  expect(lock).not.toBe('');
  const second = find();
  await vi.waitFor(
    () =>
      expect(said).toContainEqual(
        expect.stringContaining(`waiting for another start (process ${process.pid})`),
      ),
    { timeout: 60_000 },
  );
  writeFileSync(join(folder, 'open'), '');
  expect(await second).toBe(await first);
  expect(builds()).toBe(1);

  const other = spawn(process.execPath, ['--input-type=module', '-e', script, join(cache, lock)], {
    env: environment,
  });
  cleanUp(() => void other.kill('SIGKILL'));
  await once(other.stdout, 'data');
  writeFileSync(`${await first}.sha256`, '');
  const third = find();
  await vi.waitFor(() => expect(said).toContainEqual(expect.stringContaining(`(process ${other.pid})`)), {
    timeout: 60_000,
  });
  other.kill('SIGKILL');
  // A dead holder's lock is taken over.
  expect(await third).toBe(await first);
  expect(builds()).toBe(2);
});

test('a build killed in the middle leaves nothing that is used', async () => {
  const { find, builds, folder, cache, environment } = workshop(['while [ ! -e "$HOME/open" ]; do :; done']);
  const script = `
    const { createServer } = await import(${JSON.stringify(import.meta.resolve('vite'))});
    const server = await createServer({ configFile: false, logLevel: 'error', server: { middlewareMode: true, ws: false } });
    const { findBinaries } = await server.ssrLoadModule(${JSON.stringify(join(dockerFolder, '..', 'src', 'launcher', 'binary.store.ts'))});
    await findBinaries(['mailpit'], process.env, { line() {}, step: () => ({ done() {}, failed() {} }) });
  `;
  const builder = spawn(process.execPath, ['--input-type=module', '-e', script], {
    env: environment,
    stdio: 'inherit',
  });
  cleanUp(() => void builder.kill('SIGKILL'));
  await vi.waitFor(() => expect(builds()).toBe(1), { timeout: 60_000 });
  await vi.waitFor(() => expect(readdirSync(cache).some((name) => /^build-[^.]+$/.test(name))).toBe(true), {
    timeout: 60_000,
  });
  const below = descendantsOf(builder.pid ?? 0);
  expect(below.length).toBeGreaterThan(0);
  builder.kill('SIGKILL');
  await once(builder, 'exit');
  await waitUntilGone(below);
  expect(readdirSync(cache).filter((name) => /^mailpit-[^.]+\.[^.]+\.[^.]+$/.test(name))).toEqual([]);
  writeFileSync(join(folder, 'open'), '');
  await find();
  expect(builds()).toBe(2);
  expect(readdirSync(cache).filter((name) => /^build-|lock/.test(name))).toEqual([]);
});

test('a binary that does not say the pinned version is not kept', async () => {
  const { find, cache } = workshop([`echo 'echo mailpit v0.0.1; exit' >> "$output"`]);
  await expect(find()).rejects.toThrow(`says it is 0.0.1 instead of ${version}`);
  expect(readdirSync(cache)).toEqual([]);
});

test('after a build that failed no other begins', async () => {
  const { environment, builds, said } = workshop(['exit 1']);
  const search = findBinaries(['kratos', 'hydra', 'mailpit'], environment, {
    line: (text) => said.push(text),
    step: () => ({ done() {}, failed() {} }),
  });
  await expect(search).rejects.toThrow("can't be built");
  expect(builds()).toBe(1);
});

test('without Go the ways out are listed', async () => {
  const { environment, said } = workshop();
  const path = { ...environment, PATH: '/nonexistent' };
  const failure = findBinaries(['mailpit'], path, {
    line: (text) => said.push(text),
    step: () => ({ done() {}, failed() {} }),
  });
  await expect(failure).rejects.toThrow(
    /without Go it can't be built\.\nInstall Go 1\.\d+\.\d+ or newer[^]*MAILPIT_BIN[^]*HYDRA_ADMIN_URL/,
  );
});

test.each([
  [
    'an old Go',
    'go: go.mod requires go >= 1.24.3 (running go 1.22.1; GOTOOLCHAIN=local)',
    /installed Go is older than 1\./,
  ],
  [
    'no network',
    'go: x@v1: Get "https://proxy.golang.org/x": dial tcp: lookup proxy.golang.org: no such host',
    /couldn't be downloaded/,
  ],
  ['a full disk', 'write /tmp/x: no space left on device', /the disk is full/],
  ['anything else', 'internal compiler error', /go says:\n {2}internal compiler error/],
])('%s is what the message blames', async (_, line, message) => {
  const { find, cache } = workshop([`echo '${line}' >&2`, 'exit 1']);
  await expect(find()).rejects.toThrow(message);
  expect(readdirSync(cache)).toEqual([]);
});

test('a path in the variable comes first; one that is no program is refused', async () => {
  const { environment, find, builds, folder } = workshop();
  environment['MAILPIT_BIN'] = writeScript(join(folder, 'mine'), [`echo mailpit v${version}`]);
  expect(await find()).toBe(environment['MAILPIT_BIN']);
  environment['MAILPIT_BIN'] = join(folder, 'missing');
  await expect(find()).rejects.toThrow(/MAILPIT_BIN is set, but .*missing is not a program/);
  expect(builds()).toBe(0);
});

test('PATH counts only in the pinned version', async () => {
  const { find, builds, folder } = workshop();
  const path = writeScript(join(folder, 'mailpit'), ['echo mailpit v1.0.0']);
  expect(await find()).not.toBe(path);
  expect(builds()).toBe(1);
  const other = workshop();
  const right = writeScript(join(other.folder, 'mailpit'), [`echo mailpit v${version}`]);
  expect(await other.find()).toBe(right);
  expect(other.builds()).toBe(0);
});
