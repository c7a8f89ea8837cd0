import { error, warning } from './finding-definition.js';

/** Findings about the connections of the deployment. */
export const connectionFindings = {
  connection_fails: error(
    'A connection does not work: its users can’t log in',
    'Correct `CONNECTIONS` or what the detail names, and restart; docs/connections.md has the settings.',
  ),
  connection_server_fails: warning(
    'A server of a connection does not work; the others are used',
    'Correct `servers` in `CONNECTIONS` or what the detail names, and restart.',
  ),
} as const;
