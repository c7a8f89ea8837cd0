import type { Progress } from './progress.mjs';

/** The checkout that the scripts belong to. */
export const root: string;

/** A failure that is explained by its message alone. */
export class PrepareError extends Error {}

/** @throws {PrepareError} when `version` (default: this Node's) is older than package.json's `engines` asks for. */
export function checkNode(version?: string): void;

export interface PrepareOptions {
  /** Whether the packages for tests and checks are installed too. A start works without them. */
  readonly everything: boolean;
  /** Whether the sources are built too: a spec beside its source needs no build. Default: true. */
  readonly builds?: boolean;
  readonly progress?: Progress;
}

/**
 * Installs the dependencies and builds `dist` where they aren't up to date. One process at a time in a checkout; the others
 * wait and say so.
 * @throws {PrepareError} with npm's output when it fails, or with what a start lacks on this machine.
 */
export function prepare(options: PrepareOptions): Promise<void>;

/** `prepare`, for a program's start: a failure is explained in plain words and ends the process. */
export function prepareOrExit(options: PrepareOptions): Promise<void>;
