import type { Progress } from './progress.mjs';

/**
 * Writes the packages of a release into a folder, with `SHA256SUMS`.
 * @param platforms such as `linux-x64`; default: all that a release is for.
 * @returns the tarballs' paths, the gateway's first.
 */
export function packRelease(
  folder: string,
  platforms?: readonly string[],
  progress?: Progress,
): Promise<string[]>;

/**
 * Packs the packages for other services, which must be built.
 * @param folder which exists.
 * @returns the tarballs' names.
 */
export function packLibraries(folder: string): string[];
