import { error } from './finding.definition.js';

/** Findings about the connections of the deployment. */
export const connectionFindings = {
  connection_fails: error(
    'A connection does not work: its users can’t log in',
    'Correct `CONNECTIONS` or what the detail names; docs/connections.md has the settings. With several servers, the others are used meanwhile.',
  ),
} as const;
