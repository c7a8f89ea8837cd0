/** What a lock file says of one package. */
export interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly link?: boolean;
  readonly inBundle?: boolean;
  readonly hasInstallScript?: boolean;
  readonly engines?: Readonly<Record<string, string>>;
}

/** A lock file of npm's. */
export interface LockFile {
  readonly lockfileVersion: number;
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

/** Packages whose install scripts may be there. */
export const argued: ReadonlyMap<string, { readonly development: boolean }>;

/** The entry of `argued` that a package falls under. */
export function arguedAs(name: string): string | undefined;

/** What a manifest asks for that isn't a range of the registry's versions. */
export function manifestProblems(
  manifest: Readonly<Record<string, Readonly<Record<string, string>> | undefined>>,
): string[];

/** What a lock file leaves open, and install scripts that aren't argued for. */
export function lockProblems(lock: LockFile): string[];

/** Licences that aren't on the lists. */
export function licenceProblems(lock: LockFile, read: (path: string) => string | undefined): string[];

/** What a Go module's files leave open. */
export function goProblems(goMod: string, goSum: string | undefined): string[];

/** Packages of the image that ask for a newer Node than the oldest that the product supports. */
export function engineProblems(lock: LockFile, oldest: string): string[];
