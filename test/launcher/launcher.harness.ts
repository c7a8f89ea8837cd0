import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished, vi } from 'vitest';
import { createProgress } from '../../scripts/progress.mjs';
import { findBinaries } from '../../src/launcher/binary.store.js';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { prepareDeployment } from '../support/deployment.template.js';

/** The checkout. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

const program = join(root, 'dist', 'launcher', 'main.js');

/** Runs after the test that calls this, last registered first. */
export function cleanUp(action: () => Promise<void> | void): void {
  // A hook of this module's own would run for the first file only of those that share it.
  onTestFinished(action);
}

/** A new folder whose name has what breaks paths, commands and URLs. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "vestibule it's #1 50% "));
  cleanUp(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}

/** Writes a shell script that can be run. */
export function writeScript(path: string, lines: readonly string[]): string {
  writeFileSync(path, ['#!/bin/sh', ...lines, ''].join('\n'));
  chmodSync(path, 0o755);
  return path;
}

/** The three binaries from this machine's cache, built when they aren't there. */
export async function realBinaries(): Promise<Record<'KRATOS_BIN' | 'HYDRA_BIN' | 'MAILPIT_BIN', string>> {
  const found = await findBinaries(['kratos', 'hydra', 'mailpit'], process.env, createProgress());
  return {
    KRATOS_BIN: found.get('kratos') ?? '',
    HYDRA_BIN: found.get('hydra') ?? '',
    MAILPIT_BIN: found.get('mailpit') ?? '',
  };
}

/** Environment of a start that is independent of the one that runs the tests. */
export async function launcherEnvironment(
  more: Readonly<Record<string, string>> = {},
): Promise<Record<string, string>> {
  const [port] = await findFreePorts(1);
  const cache = process.env['VESTIBULE_CACHE'] ?? process.env['XDG_CACHE_HOME'];
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: homedir(),
    ...(cache === undefined
      ? {}
      : { [process.env['VESTIBULE_CACHE'] === undefined ? 'XDG_CACHE_HOME' : 'VESTIBULE_CACHE']: cache }),
    PORT: String(port),
    DATA_DIR: join(temporaryFolder(), 'data'),
    ...more,
  };
}

/** The same, on data of a first start that is over. */
export async function environmentOfLaterStart(
  more: Readonly<Record<string, string>> = {},
): Promise<Record<string, string>> {
  const env = await launcherEnvironment(more);
  await prepareDeployment(env['DATA_DIR'] ?? '');
  return env;
}

/** A launcher that was started. */
export interface StartedLauncher {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly output: () => string;
  /** Resolves when a text has been printed. */
  readonly prints: (text: string | RegExp, timeoutMs?: number) => Promise<void>;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

/** Starts the built launcher; it is killed after the test. @param cwd its working directory, where a `.env` may lie. */
export function startLauncher(env: Readonly<Record<string, string>>, cwd = process.cwd()): StartedLauncher {
  if (!existsSync(program)) {
    throw new Error(`${program} is missing: npm run build`);
  }
  const child = spawn(process.execPath, [program], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  cleanUp(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  return {
    process: child,
    pid: child.pid ?? 0,
    output: () => output,
    prints: (text, timeoutMs = 60_000) =>
      vi.waitFor(
        () => {
          if (!(typeof text === 'string' ? output.includes(text) : text.test(output))) {
            throw new Error(`not printed: ${String(text)}; output so far:\n${output}`);
          }
        },
        { timeout: timeoutMs, interval: 50 },
      ),
    exited,
  };
}

/** Runs the launcher until it ends by itself. */
export async function launcherOutcome(
  env: Readonly<Record<string, string>>,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const launcher = startLauncher(env);
  const { code } = await launcher.exited;
  return { code, output: launcher.output() };
}

/** Ids of all processes below one, whatever they are. */
export function descendantsOf(pid: number): number[] {
  const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  const rows = table
    .trim()
    .split('\n')
    .map((row) => row.trim().split(/\s+/).map(Number));
  const below = (parent: number): number[] =>
    rows.filter((row) => row[1] === parent).flatMap(([child = 0]) => [child, ...below(child)]);
  return below(pid);
}

/** Whether a process runs; one that is dead and not yet collected doesn't. */
export function isRunning(pid: number): boolean {
  try {
    const state = execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return state !== '' && !state.startsWith('Z');
  } catch {
    return false;
  }
}

/** Resolves when none of the processes runs any more. */
export async function waitUntilGone(pids: readonly number[], timeoutMs = 60_000): Promise<void> {
  await vi.waitFor(
    () => {
      const left = pids.filter((pid) => isRunning(pid));
      if (left.length > 0) {
        throw new Error(`still running: ${left.join(', ')}`);
      }
    },
    { timeout: timeoutMs, interval: 50 },
  );
}
