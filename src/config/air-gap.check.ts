import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { isInside } from './air-gap.address.js';
import { type ConfiguredHost, configuredHosts } from './air-gap.hosts.js';
import { type Configuration, ConfigurationError } from './configuration.js';

/** Every address of a name, as a connection would find them; rejects when there is none. */
export type HostResolver = (host: string) => Promise<readonly string[]>;

/** Milliseconds that a name may take. */
const patienceMs = 2000;

const systemResolver: HostResolver = async (host) =>
  (await lookup(host, { all: true, verbatim: true })).map(({ address }) => address);

/**
 * Refuses a configuration with a host outside of the private network. A name that doesn't resolve, or not within two
 * seconds, leads nowhere and is let pass; when it resolves later, the connection is refused (`refuseOutsideConnections`).
 * @throws {ConfigurationError} naming each variable.
 */
export async function assertInside(
  configuration: Configuration,
  resolver: HostResolver = systemResolver,
): Promise<void> {
  const hosts = configuredHosts(configuration);
  const judged = await Promise.all(
    hosts.map(async (entry) => ({ ...entry, leaves: await leaves(entry, resolver) })),
  );
  const names = new Set(judged.filter((entry) => entry.leaves).map(({ variable }) => variable));
  if (names.size > 0) {
    throw new ConfigurationError(
      [...names].map((name) => `${name}: leads out of the private network, which AIR_GAPPED doesn't allow`),
    );
  }
}

async function leaves({ host }: ConfiguredHost, resolver: HostResolver): Promise<boolean> {
  if (host === undefined) {
    return true;
  }
  if (isIP(host) !== 0) {
    return !isInside(host);
  }
  const done = new AbortController();
  const addresses = await Promise.race([
    resolver(host).catch(() => []),
    delay(patienceMs, [], { signal: done.signal }).catch(() => []),
  ]);
  done.abort();
  return !addresses.every(isInside);
}
