import { sql } from 'kysely';
import type { Configuration } from '../platform/config/configuration.js';
import type { Check, Observation } from './check.port.js';
import { withDatabase } from './database.check.js';
import { ask } from './http.probe.js';

/** Seconds that clocks may differ, as for tokens. */
const tolerance = 30;

/**
 * Checks that this machine, the gateway, the provider and PostgreSQL agree on the time, which ends up in tokens and sessions.
 * If one doesn't answer, another check reports it.
 */
export const clockCheck: Check = {
  name: 'clocks',
  isCheap: false,
  run: async (configuration) => {
    const readings = await Promise.all([
      ...peersOf(configuration).map(async ([name, url]) => compare(name, () => dateOf(url))),
      ...(configuration.DATABASE_URL.startsWith('file:')
        ? []
        : [compare('the database', () => databaseTime(configuration.DATABASE_URL))]),
    ]);
    return readings.flat();
  },
};

function peersOf(configuration: Configuration): readonly (readonly [string, string])[] {
  const discovery = '/.well-known/openid-configuration';
  const gateway = ['the gateway', `${configuration.PUBLIC_URL}/health/live`] as const;
  switch (configuration.AUTH_PROVIDER) {
    case 'ory':
      return [
        gateway,
        ['Kratos', `${configuration.KRATOS_PUBLIC_URL}/health/alive`],
        ['Hydra', `${configuration.HYDRA_PUBLIC_URL}/health/alive`],
      ];
    case 'auth0':
      return [gateway, ['Auth0', `${configuration.AUTH0_DOMAIN}${discovery}`]];
    case 'oidc':
      return [gateway, ['the provider', `${configuration.OIDC_ISSUER}${discovery}`]];
  }
}

async function compare(name: string, read: () => Promise<number>): Promise<readonly Observation[]> {
  const before = Date.now();
  const theirs = await read().catch(() => Number.NaN);
  const ours = (before + Date.now()) / 2;
  const seconds = Math.round((theirs - ours) / 1000);
  const direction = seconds > 0 ? 'ahead' : 'behind';
  return Math.abs(seconds) > tolerance
    ? [{ code: 'clock_skew', detail: `${name} is ${Math.abs(seconds)} seconds ${direction}` }]
    : [];
}

/** The `Date` header (RFC 9110 section 6.6.1), in milliseconds since the epoch. */
async function dateOf(url: string): Promise<number> {
  return Date.parse((await ask(url, { anyCertificate: true })).headers.date ?? '');
}

async function databaseTime(url: string): Promise<number> {
  const now = sql<{
    now: number;
  }>`select cast(extract(epoch from clock_timestamp()) * 1000 as bigint) as now`;
  const { rows } = await withDatabase(url, async ({ query }) => now.execute(query));
  return Number(rows[0]?.now);
}
