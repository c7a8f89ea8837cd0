import { agents } from '../features/agents/agents.feature.js';
import { applications } from '../features/applications/applications.feature.js';
import { commandLine } from '../features/command-line/command-line.feature.js';
import { connections } from '../features/connections/connections.feature.js';
import { connectionsLdap } from '../features/connections-ldap/connections-ldap.feature.js';
import { connectionsOidc } from '../features/connections-oidc/connections-oidc.feature.js';
import { connectionsSaml } from '../features/connections-saml/connections-saml.feature.js';
import { crossAppAccess } from '../features/cross-app-access/cross-app-access.feature.js';
import { deviceLogin } from '../features/device-login/device-login.feature.js';
import { dpop } from '../features/dpop/dpop.feature.js';
import { invites } from '../features/invites/invites.feature.js';
import { metrics } from '../features/metrics/metrics.feature.js';
import { organisations } from '../features/organisations/organisations.feature.js';
import { protectedHosts } from '../features/protected-hosts/protected-hosts.feature.js';
import { protectedResources } from '../features/protected-resources/protected-resources.feature.js';
import { pushedRequests } from '../features/pushed-requests/pushed-requests.feature.js';
import { revocationStream } from '../features/revocation-stream/revocation-stream.feature.js';
import { secondFactor } from '../features/second-factor/second-factor.feature.js';
import { signals } from '../features/signals/signals.feature.js';
import { tokenExchange } from '../features/token-exchange/token-exchange.feature.js';
import { tracing } from '../features/tracing/tracing.feature.js';
import { userAdministration } from '../features/user-administration/user-administration.feature.js';
import { userImport } from '../features/user-import/user-import.feature.js';
import { workloadIdentity } from '../features/workload-identity/workload-identity.feature.js';
import type { Feature } from '../platform/features/feature.js';

/** The features of this program. To leave one out, remove its line and its folder. */
export const ownFeatures: readonly Feature[] = [
  agents,
  applications,
  commandLine,
  connections,
  connectionsLdap,
  connectionsOidc,
  connectionsSaml,
  crossAppAccess,
  deviceLogin,
  dpop,
  invites,
  metrics,
  organisations,
  protectedHosts,
  protectedResources,
  pushedRequests,
  revocationStream,
  secondFactor,
  signals,
  tokenExchange,
  tracing,
  userAdministration,
  userImport,
  workloadIdentity,
];
