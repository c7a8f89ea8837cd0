import { isLoopbackHost } from '../../platform/core/loopback.js';
import type { CoreSettings, SettingsOf } from '../../platform/features/feature.js';
import { type ProtectedHostRule, sharesCookies } from './protected-hosts.parser.js';
import type { protectedHostSettings } from './protected-hosts.settings.js';
import { ProtectedHosts } from './protected-hosts.js';

/** Problems of `PROTECTED_HOSTS` with the gateway's own origin, and with audiences: a host's tokens must not be tokens of anything else. */
export function hostContradictions(
  { PROTECTED_HOSTS }: SettingsOf<typeof protectedHostSettings>,
  { PUBLIC_URL, TOKEN_AUDIENCE = PUBLIC_URL, audiences = [] }: CoreSettings,
): readonly string[] {
  const { host, protocol } = new URL(PUBLIC_URL);
  const isLoopback = ({ pattern }: ProtectedHostRule): boolean =>
    isLoopbackHost(pattern.replace(/:\d+$/, ''));
  const usualPort = protocol === 'https:' ? ':443' : ':80';
  const usual = PROTECTED_HOSTS.findIndex(({ pattern }) => pattern.endsWith(usualPort));
  const exposed = protocol === 'http:' ? PROTECTED_HOSTS.findIndex((rule) => !isLoopback(rule)) : -1;
  const own = PROTECTED_HOSTS.findIndex(({ pattern }) => sharesCookies(pattern, host));
  const hosts = new ProtectedHosts(PUBLIC_URL, PROTECTED_HOSTS);
  const isAudience = URL.canParse(TOKEN_AUDIENCE) && hosts.find(new URL(TOKEN_AUDIENCE).host) !== undefined;
  return [
    ...(own === -1 ? [] : [`PROTECTED_HOSTS: entry ${own + 1} names the host of PUBLIC_URL`]),
    ...(usual === -1
      ? []
      : [
          `PROTECTED_HOSTS: entry ${usual + 1} must not have the port ${usualPort}, which browsers leave out`,
        ]),
    ...(exposed === -1
      ? []
      : [`PROTECTED_HOSTS: entry ${exposed + 1} must be a loopback name while PUBLIC_URL is plain http`]),
    ...(isAudience ? ['TOKEN_AUDIENCE: must not be the origin of a host in PROTECTED_HOSTS'] : []),
    ...audiences.flatMap(([rule, audience]) => {
      const url = URL.canParse(audience) ? new URL(audience) : undefined;
      return url?.origin === audience && hosts.find(url.host) !== undefined
        ? [`${rule} is the origin of a host in PROTECTED_HOSTS`]
        : [];
    }),
  ];
}
