import type { AccessQuery } from '../../platform/config/access-query.parser.js';
import { isHostName } from '../../platform/core/host-name.js';
import { ProtectedHost } from './protected-host.js';
import { type ProtectedHostRule, sharesCookies } from './protected-hosts.parser.js';

/** The list of protected hosts, in memory. */
export class ProtectedHosts {
  readonly #publicHost: string;
  readonly #scheme: string;
  /** By host, or by pattern with `*.` in front. */
  readonly #rules: ReadonlyMap<string, AccessQuery>;

  constructor(publicUrl: string, rules: readonly ProtectedHostRule[]) {
    const { host, protocol } = new URL(publicUrl);
    this.#publicHost = host;
    this.#scheme = protocol;
    this.#rules = new Map(rules.map(({ pattern, requirement }) => [pattern, requirement]));
  }

  /**
   * A host of the list. A rule that names it precedes patterns, and a longer pattern precedes a shorter one. A trailing dot, a user or
   * a port that the rule doesn't have makes it another host.
   * @param given as the Host header has it.
   */
  find(given: string): ProtectedHost | undefined {
    if (this.#rules.size === 0) {
      return undefined;
    }
    const host = given.toLowerCase();
    if (sharesCookies(host, this.#publicHost) || !isHostName(host.replace(/:\d{1,5}$/, ''))) {
      return undefined;
    }
    const requirement = this.#requirementOf(host);
    return requirement === undefined
      ? undefined
      : new ProtectedHost(host, `${this.#scheme}//${host}`, requirement);
  }

  #requirementOf(host: string): AccessQuery | undefined {
    const exact = this.#rules.get(host);
    if (exact !== undefined) {
      return exact;
    }
    for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.', dot + 1)) {
      const found = this.#rules.get(`*${host.slice(dot)}`);
      if (found !== undefined) {
        return found;
      }
    }
    return undefined;
  }
}
