import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { isInside, isMetadata, isMetadataName } from './air-gap-address.js';
import { type ConfiguredHost, configuredHosts } from './air-gap-hosts.js';
import { type Configuration, ConfigurationError } from '../config/configuration.js';

/** Resolves a name to all its addresses, as a connection would; rejects if there are none. */
export type HostResolver = (host: string) => Promise<readonly string[]>;

/** Timeout for resolving a name, in milliseconds. */
const timeoutMs = 2000;

const systemResolver: HostResolver = async (host) =>
  (await lookup(host, { all: true, verbatim: true })).map(({ address }) => address);

/**
 * Refuses a configuration with a host outside the private network. A name that doesn't resolve within two seconds is allowed.
 * If it later resolves to an outside address, the connection is refused (`refuseOutsideConnections`).
 * @throws {ConfigurationError} naming each variable.
 */
export async function assertInside(
  configuration: Configuration,
  resolver: HostResolver = systemResolver,
): Promise<void> {
  await refuse(
    configuration,
    async ({ host }) =>
      host === undefined || isMetadataName(host) || !(await addressesOf(host, resolver)).every(isInside),
    "leads out of the private network, which AIR_GAPPED doesn't allow",
  );
}

/**
 * Refuses a configuration with the host of a cloud's metadata service, which gives credentials to any caller inside the cloud.
 * A name that doesn't resolve within two seconds is allowed.
 * @throws {ConfigurationError} naming each variable.
 */
export async function assertNoMetadata(
  configuration: Configuration,
  resolver: HostResolver = systemResolver,
): Promise<void> {
  await refuse(
    configuration,
    async ({ host }) => host !== undefined && (await leadsToMetadata(host, resolver)),
    "leads to a cloud's metadata service",
  );
}

/** Whether a host is, or resolves to, a cloud's metadata service. A name that doesn't resolve within two seconds isn't. */
export async function leadsToMetadata(
  host: string,
  resolver: HostResolver = systemResolver,
): Promise<boolean> {
  return isMetadataName(host) || (await addressesOf(host, resolver)).some(isMetadata);
}

async function refuse(
  configuration: Configuration,
  isRefused: (entry: ConfiguredHost) => Promise<boolean>,
  why: string,
): Promise<void> {
  const judged = await Promise.all(
    configuredHosts(configuration).map(async (entry) => ((await isRefused(entry)) ? [entry.variable] : [])),
  );
  const names = new Set(judged.flat());
  if (names.size > 0) {
    throw new ConfigurationError([...names].map((name) => `${name}: ${why}`));
  }
}

async function addressesOf(host: string, resolver: HostResolver): Promise<readonly string[]> {
  if (isIP(host) !== 0) {
    return [host];
  }
  const done = new AbortController();
  const addresses = await Promise.race([
    resolver(host).catch(() => []),
    delay(timeoutMs, [], { signal: done.signal }).catch(() => []),
  ]);
  done.abort();
  return addresses;
}
