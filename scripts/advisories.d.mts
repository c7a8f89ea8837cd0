/** An advisory as it stands in docker/advisories.json. */
export interface Advisory {
  readonly id: string;
  readonly aliases?: readonly string[];
  readonly module: string;
  /** Without a leading v. */
  readonly fixed: string;
  /** Whether the shipped configuration is exposed where the fix is missing. */
  readonly exposed: boolean;
  readonly summary: string;
  readonly why: string;
}

/** Versions that a go.mod requires, after its replacements: module → version without v. */
export function goPins(goMod: string): Map<string, string>;

/** Where an advisory stands at a version. */
export function advisoryState(
  advisory: Pick<Advisory, 'fixed' | 'exposed'>,
  pinned: string,
): 'fixed' | 'not exposed' | 'open';

/** Advisories that are open, stale or incomplete. */
export function advisoryProblems(advisories: readonly Advisory[], goMods: readonly string[]): string[];

/** docs/internals/advisories.md. */
export function renderAdvisoryDocs(advisories: readonly Advisory[], goMods: readonly string[]): string;
