import { isIP } from 'node:net';
import { isSocketAddress } from '../core/service-address.js';
import type { Configuration } from '../config/configuration.js';
import type { CalledHost } from '../features/feature.js';
import type { SocialProvider } from '../config/social-providers.parser.js';

/** A host that the gateway, Kratos or Hydra will connect to. */
export interface ConfiguredHost {
  /** The variable that names it. */
  readonly variable: string;
  /** A name or an IP address, without brackets; undefined if the value doesn't reveal it. */
  readonly host: string | undefined;
}

/** Third-party logins whose settings name their host. Kratos has Internet addresses built in for all others. */
const movableProviders: ReadonlySet<string> = new Set(['generic', 'auth0', 'gitlab']);

/**
 * Lists every host that the gateway, Kratos or Hydra connects to because of this configuration. `PUBLIC_URL` and URLs derived
 * from it are excluded, because browsers connect to them, and the site can have any name.
 */
export function configuredHosts(configuration: Configuration): ConfiguredHost[] {
  const urls: CalledHost[] = [];
  const own = new URL(configuration.PUBLIC_URL).host;
  switch (configuration.AUTH_PROVIDER) {
    case 'ory':
      for (const name of [
        'KRATOS_PUBLIC_URL',
        'KRATOS_ADMIN_URL',
        'HYDRA_PUBLIC_URL',
        'HYDRA_ADMIN_URL',
      ] as const) {
        // A Unix socket is on this machine.
        if (!isSocketAddress(configuration[name])) {
          urls.push([name, configuration[name]]);
        }
      }
      if (new URL(configuration.BACKCHANNEL_LOGOUT_URL).host !== own) {
        urls.push(['BACKCHANNEL_LOGOUT_URL', configuration.BACKCHANNEL_LOGOUT_URL]);
      }
      for (const connection of configuration.CONNECTIONS) {
        for (const url of connection.targets) {
          urls.push(['CONNECTIONS', url]);
        }
      }
      for (const host of configuration.ORG_CONNECTION_HOSTS) {
        urls.push(['ORG_CONNECTION_HOSTS', `https://${host}`]);
      }
      break;
    case 'auth0':
      urls.push(['AUTH0_DOMAIN', configuration.AUTH0_DOMAIN]);
      break;
    case 'oidc':
      urls.push(['OIDC_ISSUER', configuration.OIDC_ISSUER]);
      break;
  }
  for (const url of configuration.REDIS_URL ?? []) {
    urls.push(['REDIS_URL', url]);
  }
  if (configuration.SMTP_URL !== undefined) {
    urls.push(['SMTP_URL', configuration.SMTP_URL]);
  }
  urls.push(...configuration.features.flatMap(({ settings }) => settings?.hosts() ?? []));
  return [
    ...urls.map(([variable, url]) => ({ variable, host: hostOf(url) })),
    ...configuration.DNS_SERVERS.map((server) => ({ variable: 'DNS_SERVERS', host: dnsHost(server) })),
    ...databaseHosts(configuration.DATABASE_URL),
    ...(configuration.AUTH_PROVIDER === 'ory' ? configuration.SOCIAL_PROVIDERS.flatMap(providerHosts) : []),
  ];
}

/** A DNS server's address without port and brackets. */
function dnsHost(server: string): string {
  return isIP(server) === 0 ? server.replace(/:\d+$/, '').replaceAll(/[[\]]/g, '') : server;
}

function databaseHosts(url: string): ConfiguredHost[] {
  const variable = 'DATABASE_URL';
  if (url.startsWith('file:')) {
    return [];
  }
  if (!URL.canParse(url)) {
    return [{ variable, host: undefined }];
  }
  // `?host=` overrides the URL's host. One that starts with a slash is a socket on this machine.
  const { hostname, searchParams } = new URL(url);
  return [bare(hostname), ...searchParams.getAll('host')]
    .map((host) => decodeURIComponent(host))
    .filter((host) => host !== '' && !host.startsWith('/'))
    .map((host) => ({ variable, host }));
}

/** The hosts of all URLs in the settings of one third-party login, whatever the settings' names. */
function providerHosts(provider: SocialProvider): ConfiguredHost[] {
  const variable = 'SOCIAL_PROVIDERS';
  const urls = Object.values(provider).filter(
    (value): value is string => typeof value === 'string' && /^https?:/i.test(value),
  );
  const leads = movableProviders.has(provider.provider) && urls.length > 0;
  return [
    ...urls.map((url) => ({ variable, host: hostOf(url) })),
    ...(leads ? [] : [{ variable, host: undefined }]),
  ];
}

function hostOf(url: string): string | undefined {
  return URL.canParse(url) ? bare(new URL(url).hostname) : undefined;
}

/** A URL's host name without the brackets of an IPv6 address. */
function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}
