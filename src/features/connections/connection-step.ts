/** The steps of tests, of every kind of connection. */
export const connectionSteps = [
  'settings',
  'reach',
  'discovery',
  'issuer',
  'keys',
  'client',
  'bind',
  'base',
  'user',
] as const;

/** What can be wrong at a step. */
export const connectionFaults = [
  'not_public',
  'unreachable',
  'port_blocked',
  'certificate',
  'starttls_refused',
  'timed_out',
  'not_a_provider',
  'issuer_mismatch',
  'no_metadata',
  'entity_mismatch',
  'no_certificate',
  'metadata_incomplete',
  'metadata_expired',
  'no_keys',
  'client_refused',
  'client_method',
  'client_unclear',
  'bind_refused',
  'base_absent',
  'subject_absent',
  'state_absent',
  'groups_absent',
  'user_absent',
  'user_not_admitted',
  'secrets_unreadable',
  'settings_invalid',
  'domain_unproven',
  'failed',
] as const;

/** One step of a test. */
export interface ConnectionStep {
  readonly step: (typeof connectionSteps)[number];
  /** The server or URL that it is about. */
  readonly target: string;
  /** What is wrong; null if nothing is. */
  readonly fault: (typeof connectionFaults)[number] | null;
  /** What was found there instead: another issuer, other entity IDs, or OpenSSL's code of what is wrong with a certificate. */
  readonly found?: string | undefined;
}
