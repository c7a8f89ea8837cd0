/** A program that the embedded run needs, pinned through the Go module in `docker/<name>`. */
export interface PinnedBinary {
  readonly name: string;
  readonly title: string;
  /** Version without a leading v. */
  readonly version: string;
  /** Environment variable with the path of a binary to use instead. */
  readonly pathVariable: string;
  /** The Go package to build. */
  readonly package: string;
  /** The Go variable that the program's `version` command prints. */
  readonly versionSymbol: string;
  readonly tags: readonly string[];
  /** Arguments that print its version, without looking for a newer one on the network. */
  readonly versionArgs: readonly string[];
}

/** The pinned programs. A new version also needs `go get -tool` in its folder under `docker`. */
export const pinnedBinaries = {
  kratos: {
    name: 'kratos',
    title: 'Kratos',
    version: '1.3.1',
    pathVariable: 'KRATOS_BIN',
    package: 'github.com/ory/kratos',
    versionSymbol: 'github.com/ory/kratos/driver/config.Version',
    tags: ['sqlite'],
    versionArgs: ['version'],
  },
  hydra: {
    name: 'hydra',
    title: 'Hydra',
    version: '2.3.0',
    pathVariable: 'HYDRA_BIN',
    package: 'github.com/ory/hydra/v2',
    versionSymbol: 'github.com/ory/hydra/v2/driver/config.Version',
    tags: ['sqlite'],
    versionArgs: ['version'],
  },
  mailpit: {
    name: 'mailpit',
    title: 'Mailpit',
    version: '1.33.1',
    pathVariable: 'MAILPIT_BIN',
    package: 'github.com/axllent/mailpit',
    versionSymbol: 'github.com/axllent/mailpit/config.Version',
    tags: [],
    versionArgs: ['version', '--no-release-check'],
  },
} as const satisfies Record<string, PinnedBinary>;

/** Names of the programs. */
export type BinaryName = keyof typeof pinnedBinaries;

/** Ory's programs. */
export type OryName = Exclude<BinaryName, 'mailpit'>;

/**
 * Arguments of `go build`, without the output path. They are part of a cached binary's identity. Without debug information, which the
 * linker would drop, compiling takes a tenth less.
 */
export function buildArguments(binary: PinnedBinary): string[] {
  return [
    'build',
    '-mod=readonly',
    '-trimpath',
    '-buildvcs=false',
    '-gcflags=all=-dwarf=false',
    ...(binary.tags.length > 0 ? [`-tags=${binary.tags.join(',')}`] : []),
    `-ldflags=-s -w -X ${binary.versionSymbol}=v${binary.version}`,
  ];
}
