import type { ClaimRule } from '../platform/config/claims-map.parser.js';
import type { Check, Observation } from './check.port.js';
import { isLoopbackHost } from '../platform/core/loopback.js';

const everybody = /^(?:0\.0\.0\.0|::)\/[0-8]$/;
const [oldestMajor, oldestMinor] = [20, 19];

/** Checks for settings that are valid one by one, but wrong together or for this deployment; and for an old Node. */
export const settingsCheck: Check = {
  name: 'settings',
  isCheap: true,
  run: async (configuration) => {
    const { ALLOWED_ORIGINS, DEMO, PUBLIC_URL, RATE_LIMIT, TRUST_PROXY } = configuration;
    const found: Observation[] = [];
    const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
    if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) {
      found.push({ code: 'node_version_unsupported', detail: process.versions.node });
    }
    for (const { name, nearest } of configuration.misspelled) {
      found.push({ code: 'setting_misspelled', detail: `${name}: ${nearest}?` });
    }
    if (TRUST_PROXY.some((range) => everybody.test(range))) {
      found.push({ code: 'trust_proxy_everybody' });
    }
    for (const origin of ALLOWED_ORIGINS.filter(isOpenToReaders)) {
      found.push({ code: 'allowed_origin_insecure', detail: origin });
    }
    if (configuration.AUTH_PROVIDER === 'ory') {
      const { CLAIMS_MAP, CONNECTIONS } = configuration;
      for (const claim of rightsFromTraits(CLAIMS_MAP, CONNECTIONS.length > 0)) {
        found.push({ code: 'rights_from_traits', detail: claim });
      }
      for (const uri of configuration.SPA_REDIRECT_URIS.filter(isOpenToReaders)) {
        found.push({ code: 'spa_redirect_insecure', detail: new URL(uri).origin });
      }
    }
    // Rules for deployments only: an https URL distinguishes one from a developer's machine.
    if (PUBLIC_URL.startsWith('https:')) {
      found.push(
        ...(TRUST_PROXY.length === 0 ? [{ code: 'trust_proxy_missing' } as const] : []),
        ...(DEMO ? [{ code: 'demo_in_production' } as const] : []),
        ...(RATE_LIMIT ? [] : [{ code: 'rate_limit_off' } as const]),
      );
    }
    return found;
  },
};

/** Names of claims by which programs decide what a user may do. */
const rights = /admin|entitlement|group|permission|privilege|right|role|scope/i;

/**
 * The mapped claims that name rights, and come from Kratos' traits.
 * @param hasConnections whether company logins have `groups`, which aren't traits.
 */
export function rightsFromTraits(rules: readonly ClaimRule[], hasConnections: boolean): readonly string[] {
  return rules
    .filter(({ claim, path }) => rights.test(claim) && !(hasConnections && path.join('.') === 'groups'))
    .map(({ claim }) => claim);
}

/** Whether an address is plain http to another machine. */
function isOpenToReaders(address: string): boolean {
  const { protocol, hostname } = new URL(address);
  return protocol === 'http:' && !isLoopbackHost(hostname);
}
