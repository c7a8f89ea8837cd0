import type { Progress } from './progress.mjs';

/** The checkout that the scripts belong to. */
export const root: string;

/** A failure that is explained by its message alone. */
export class PrepareError extends Error {}

/** @throws {PrepareError} when `version` (default: this Node's) is older than package.json's `engines` asks for. */
export function checkNode(version?: string): void;

/**
 * Installs the dependencies and builds `dist` where they aren't up to date. One process at a time in a checkout; the others
 * wait and say so.
 * @throws {PrepareError} with npm's output when it fails.
 */
export function prepare(progress?: Progress): Promise<void>;
