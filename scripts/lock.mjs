// A lock between processes, as a file: made whole or not at all, named after its holder, and taken over when that is dead.
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, readFileSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

/** A take-over lasts milliseconds; one that is older than this was interrupted. */
const takeOverLimitMs = 10_000;

/**
 * When a process started, in a form that only means something on this machine: a pid alone may have been reused.
 * Undefined when there is no such process, or when it is dead and merely not yet collected by its parent.
 */
function startOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    if (process.platform === 'linux') {
      return undefined;
    }
  }
  try {
    const options = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] };
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], options).trim() || undefined;
  } catch {
    return undefined;
  }
}

function readHolder(path) {
  try {
    const holder = JSON.parse(readFileSync(path, 'utf8'));
    return Number.isInteger(holder?.pid) ? holder : undefined;
  } catch {
    return undefined;
  }
}

/** A holder on another machine can't be looked up: it counts as alive. */
function isAlive(holder) {
  return holder.host !== hostname() || startOf(holder.pid) === holder.start;
}

/** Puts a file in place with its content in one step; false when there is one already. */
function place(path, content) {
  const draft = `${path}.${process.pid}.${randomUUID()}`;
  writeFileSync(draft, content, { mode: 0o600 });
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') {
      return false;
    }
    throw error;
  } finally {
    unlinkSync(draft);
  }
}

/** Removes a dead holder's lock. Only one process at a time does it, so that nobody removes a lock just taken. */
function removeDead(path) {
  const guard = `${path}.takeover`;
  if (!place(guard, '')) {
    try {
      if (Date.now() - statSync(guard).mtimeMs > takeOverLimitMs) {
        rmSync(guard, { force: true });
      }
    } catch {
      // It has gone in the meantime.
    }
    return;
  }
  try {
    const holder = readHolder(path);
    if (holder === undefined || !isAlive(holder)) {
      rmSync(path, { force: true });
    }
  } finally {
    rmSync(guard, { force: true });
  }
}

/** Takes the lock, or says who has it. */
export function tryLock(path) {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const mine = JSON.stringify({
    pid: process.pid,
    start: startOf(process.pid),
    host: hostname(),
    id: randomUUID(),
  });
  for (let attempt = 0; attempt < 3; attempt += 1) {
    if (place(path, `${mine}\n`)) {
      const release = () => {
        try {
          if (readFileSync(path, 'utf8') === `${mine}\n`) {
            rmSync(path, { force: true });
          }
        } catch {
          // The folder is gone, and the lock with it.
        }
      };
      return { release };
    }
    const holder = readHolder(path);
    if (holder !== undefined && isAlive(holder)) {
      return { holder: { pid: holder.pid, host: holder.host } };
    }
    removeDead(path);
  }
  return { holder: readHolder(path) ?? { pid: 0, host: hostname() } };
}

/** Waits until the lock is free and takes it; `onWait` is told once whom it waits for. */
export async function waitForLock(path, onWait = () => {}) {
  let told = false;
  for (;;) {
    const attempt = tryLock(path);
    if (attempt.release !== undefined) {
      return attempt.release;
    }
    if (!told) {
      told = true;
      onWait(attempt.holder);
    }
    await delay(200);
  }
}
