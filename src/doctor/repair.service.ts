import { type Configuration, featuresOf } from '../platform/config/configuration.js';
import { migrate } from '../platform/database/migration-runner.js';
import { HydraClient } from '../providers/ory/hydra/hydra.client.js';
import { ownClients } from '../providers/ory/hydra/hydra-clients.js';
import { withDatabase } from './database.check.js';
import type { Finding } from './doctor.service.js';
import { gatewayCheck } from './gateway.check.js';

const notOurs: ReadonlySet<string> = new Set([
  'gateway_unreachable',
  'gateway_wrong_answer',
  'gateway_other_secrets',
]);

/**
 * Whether the gateway at PUBLIC_URL proves that it has these secrets. Otherwise this environment may belong to another
 * deployment, and must not change Hydra's clients or the database.
 */
export async function isOwnGateway(configuration: Configuration): Promise<boolean> {
  const observations = await gatewayCheck.run(configuration).catch(() => undefined);
  return observations !== undefined && !observations.some(({ code }) => notOurs.has(code));
}

/**
 * Fixes what a start of the gateway would fix: our clients at Hydra, and the schema of the database.
 * @returns codes of the findings that were fixed.
 * @throws {Problem} `provider_unavailable`, {MigrationError}
 */
export async function repair(
  configuration: Configuration,
  findings: readonly Finding[],
): Promise<readonly Finding['code'][]> {
  const codes = new Set(findings.filter(({ fixable }) => fixable).map(({ code }) => code));
  if (codes.has('database_schema_outdated')) {
    await withDatabase(configuration.DATABASE_URL, (connection) =>
      migrate(connection, featuresOf(configuration)),
    );
  }
  if (configuration.AUTH_PROVIDER === 'ory' && [...codes].some((code) => code.startsWith('hydra_client_'))) {
    const hydra = new HydraClient(configuration);
    for (const client of ownClients(configuration)) {
      await hydra.ensureClient(client);
    }
  }
  return [...codes];
}
