/** The SHA-256 of each file in a folder, by its path. */
export function hashFolder(folder: string): Map<string, string>;

/** Paths that only one folder has, or that differ. */
export function differences(first: string, second: string): string[];
