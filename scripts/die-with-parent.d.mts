import type { ChildProcess } from 'node:child_process';

/**
 * What to spawn so that `command` is killed, with its process group, when this process ends in whatever way.
 * Spawn it with `detached: true` (a process group of its own) and a pipe as the fourth entry of `stdio`, then call `tie`.
 */
export function tied(command: string, args: readonly string[]): { command: string; args: string[] };

/** Lets the watcher of a tied child go when the child ends by itself. */
export function tie(child: ChildProcess): void;
