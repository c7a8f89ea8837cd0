/** A catalogue entry. Severity: an error locks people out or is dangerous; with a warning the deployment still works. */
export interface FindingDefinition {
  readonly severity: 'error' | 'warning';
  /** What is wrong; the same text for every occurrence. */
  readonly title: string;
  /** What to do. */
  readonly fix: string;
  /** Whether `vestibule doctor --fix` can fix it. */
  readonly fixable: boolean;
}

/** An error: what is wrong, and what to do. */
export function error(title: string, fix: string): FindingDefinition {
  return { severity: 'error', title, fix, fixable: false };
}

/** An error that `vestibule doctor --fix` can fix. */
export function fixableError(title: string, fix: string): FindingDefinition {
  return { severity: 'error', title, fix, fixable: true };
}

/** A warning: what is wrong, and what to do. */
export function warning(title: string, fix: string): FindingDefinition {
  return { severity: 'warning', title, fix, fixable: false };
}
