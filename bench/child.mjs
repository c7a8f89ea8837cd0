// Server processes: started, waited for, ended.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { findFreePorts } from '../dist/launcher/port-finder.js';
import { familyOf } from './usage.mjs';

const startLimit = 60_000;
const stopLimit = 8000;
const running = new Set();

// Whatever ends the benchmark ends what it started.
process.on('exit', () => {
  for (const child of running) {
    kill(child);
  }
});
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => process.exit(1));
}

/** Ends it and all its descendants: a script doesn't end what it has started. */
function kill(child) {
  for (const { pid } of familyOf(child.pid)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has just ended.
    }
  }
}

/** Settings of every server in Node: docker/Dockerfile starts ours so, and the others are to have what ours has. */
export const nodeSettings = { NODE_OPTIONS: '--use-largepages=silent' };

/** A loopback port that nothing listens on. */
export async function freePort() {
  const [port] = await findFreePorts(1);
  return port;
}

/**
 * Starts a program whose standard output goes to a file, as an operator would send it there.
 * @returns its id, and how to end it; resolves when `probe` is answered, whatever the status.
 */
export async function startChild({ command, args, env = {}, cwd, log, probe }) {
  const output = openSync(log, 'a');
  const child = spawn(command, args, {
    cwd,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, NODE_ENV: 'production', ...env },
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  running.add(child);
  const exited = once(child, 'exit').finally(() => running.delete(child));
  const stop = async () => {
    child.kill('SIGTERM');
    const force = setTimeout(() => kill(child), stopLimit);
    await exited;
    clearTimeout(force);
  };
  const deadline = performance.now() + startLimit;
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`${command} ${args[0] ?? ''} ended: ${readFileSync(log, 'utf8').slice(-2000)}`);
    }
    const answered = await fetch(probe, { redirect: 'manual' }).then(
      async (response) => {
        await response.arrayBuffer();
        return true;
      },
      () => false,
    );
    if (answered) {
      return { pid: child.pid, stop };
    }
    if (performance.now() > deadline) {
      await stop();
      throw new Error(`${command} ${args[0] ?? ''} did not start: ${readFileSync(log, 'utf8').slice(-2000)}`);
    }
    await pause(50);
  }
}
