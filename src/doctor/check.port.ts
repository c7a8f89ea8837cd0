import type { Configuration } from '../platform/config/configuration.js';
import type { FindingCode } from './finding.catalogue.js';
import type { FindingDefinition } from './finding-definition.js';

/** Code of a finding of a feature: its name, a colon, and its own code. */
export type FeatureFindingCode = `${string}:${string}`;

/** A problem that a check found. */
export interface Observation {
  readonly code: FindingCode | FeatureFindingCode;
  /** What a feature says of its own finding; the catalogue has the others. */
  readonly definition?: FindingDefinition;
  /** Specifics of this deployment: names, hosts, numbers. Never a secret or an e-mail address. */
  readonly detail?: string;
  /** Origin of a service that doesn't answer. Other checks that need it are then not reported as incomplete. */
  readonly unreachable?: string | undefined;
}

/** Port: one check of `vestibule doctor`. It has no visible effect on the deployment. */
export interface Check<C extends Configuration = Configuration> {
  /** Noun that names the check in `check_incomplete`. */
  readonly name: string;
  /** Whether the gateway also runs it after its start: it makes no calls to the gateway, no logins, and isn't slow. */
  readonly isCheap: boolean;
  /** Runs the check. @returns an empty list if nothing is wrong. @throws {NoAnswerError} if it can't be done. */
  run(configuration: C): Promise<readonly Observation[]>;
}
