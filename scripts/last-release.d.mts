/** The last release, by its commit. */
export const lastRelease: { readonly version: string; readonly commit: string };

/** @returns the folder of the last release's built checkout. The first time takes minutes: it installs and builds. */
export function prepareLastRelease(): Promise<string>;
