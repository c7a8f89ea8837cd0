import type { Progress } from './progress.mjs';

/** What was made. */
export interface Bundle {
  /** Absolute path of the archive; its sum is also in `<path>.sha256`. */
  readonly path: string;
  /** SHA-256 of the archive, in hex. */
  readonly sum: string;
  /** The one folder in the archive. */
  readonly folderName: string;
}

/**
 * Gathers everything that a machine of this platform needs to run Vestibule without a network. Needs dist and GNU tar.
 * @param options.level of the compression, 0 to 9; default 6.
 * @throws {PrepareError} with a message that says what is missing.
 */
export function makeBundle(
  archive: string,
  options?: { readonly level?: number; readonly progress?: Progress },
): Promise<Bundle>;

/** Makes a filter that lets pass a path of the checkout, and of dist, but not what else lies there. */
export function checkoutFilter(): (source: string) => boolean;
