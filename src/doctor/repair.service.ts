import type { Configuration } from '../config/configuration.js';
import { DatabaseConnection } from '../database/database.connection.js';
import { migrate } from '../database/migration.runner.js';
import { HydraClient } from '../hydra/hydra.client.js';
import { ownClients } from '../hydra/hydra.clients.js';
import type { Finding } from './doctor.service.js';
import type { FindingCode } from './finding.catalogue.js';
import { gatewayCheck } from './gateway.check.js';

const notOurs: ReadonlySet<string> = new Set([
  'gateway_unreachable',
  'gateway_wrong_answer',
  'gateway_other_secrets',
]);

/**
 * Whether the gateway at PUBLIC_URL proves that it has these secrets. Only then is what this environment says of Hydra's
 * clients and the database known to be what that deployment wants.
 */
export async function isOwnGateway(configuration: Configuration): Promise<boolean> {
  const observations = await gatewayCheck.run(configuration).catch(() => undefined);
  return observations !== undefined && !observations.some(({ code }) => notOurs.has(code));
}

/**
 * Mends what a start of the gateway would: our clients at Hydra, the schema of the database.
 * @returns codes of what was mended.
 * @throws {Problem} `provider_unavailable`, {MigrationError}
 */
export async function repair(
  configuration: Configuration,
  findings: readonly Finding[],
): Promise<readonly FindingCode[]> {
  const codes = new Set(findings.filter(({ fixable }) => fixable).map(({ code }) => code));
  if (codes.has('database_schema_outdated')) {
    const connection = new DatabaseConnection(configuration.DATABASE_URL);
    try {
      await migrate(connection);
    } finally {
      await connection.close();
    }
  }
  if (configuration.AUTH_PROVIDER === 'ory' && [...codes].some((code) => code.startsWith('hydra_client_'))) {
    const hydra = new HydraClient(configuration);
    for (const client of ownClients(configuration)) {
      await hydra.ensureClient(client);
    }
  }
  return [...codes];
}
