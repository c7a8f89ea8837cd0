import type { SpawnOptions } from 'node:child_process';

/** What a look at a machine has found before a start that has to install or build. */
export interface Examination {
  /** What keeps it from starting, and what to do. */
  readonly problem?: string | undefined;
  /** What to know in advance: how long it takes. */
  readonly notice?: string;
  /** Environment for `go`, if programs are to be built. */
  readonly goEnvironment?: Readonly<Record<string, string>>;
}

/** @param options.installs whether packages are to be installed. */
export function examineMachine(
  root: string,
  options: { readonly installs: boolean; readonly environment?: NodeJS.ProcessEnv },
): Promise<Examination>;

/** @returns why nothing can listen on a port and what to do; undefined if something can. */
export function portProblem(host: string, port: number): Promise<string | undefined>;

/** @returns that a folder's disk has fewer than `wanted` bytes free; undefined if it has enough. */
export function diskProblem(folder: string, wanted: number, what: string): string | undefined;

/** @returns the code of the network error that keeps a program from its host; undefined if the host answers. */
export function unreachableHost(
  command: string,
  args: readonly string[],
  options?: SpawnOptions,
): Promise<string | undefined>;
