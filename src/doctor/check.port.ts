import type { Configuration } from '../config/configuration.js';
import type { FindingCode } from './finding.catalogue.js';

/** What a check saw that is not as it should be. */
export interface Observation {
  readonly code: FindingCode;
  /** What is meant in this deployment: names, hosts, numbers. Never a secret or an e-mail address. */
  readonly detail?: string;
  /** Origin of what does not answer: other checks that need it say nothing then. */
  readonly unreachable?: string;
}

/** Port: one thing that is looked at. It changes nothing that anybody would notice. */
export interface Check<C extends Configuration = Configuration> {
  /** Noun that `check_incomplete` names it by. */
  readonly name: string;
  /** Whether the gateway does it too when it has started: no calls to itself, no logins, nothing slow. */
  readonly isCheap: boolean;
  /**
   * Looks. @returns nothing when all is well.
   * @throws {NoAnswerError} when it could not look.
   */
  run(configuration: C): Promise<readonly Observation[]>;
}

/** Severity: an error keeps people out or is dangerous; a warning works today. */
export interface FindingDefinition {
  readonly severity: 'error' | 'warning';
  /** What is wrong, the same at every occurrence. */
  readonly title: string;
  /** What to do. */
  readonly fix: string;
  /** Whether `vestibule doctor --fix` does it. */
  readonly fixable?: true;
}
