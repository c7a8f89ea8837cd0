/**
 * The name of a release of Ory that its users know it by, for a version of Kratos or Hydra: `Ory 26.2` for `v26.2.0`. Undefined for
 * versions from before Ory named its releases by year, and for what isn't a version.
 */
export function oryRelease(version: string | undefined): string | undefined {
  const [, release] = /^v?(2[5-9]\.[1-4])\.\d+/.exec(version ?? '') ?? [];
  return release === undefined ? undefined : `Ory ${release}`;
}
