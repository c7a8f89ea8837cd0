import type { FastifyRequest } from 'fastify';
import type { AccessQuery } from '../config/access-query.parser.js';
import { type ProtectedHostRule, isHostName, sharesCookies } from '../config/protected-hosts.parser.js';

/** A host of applications, other than that of `PUBLIC_URL`, on which a session has a cookie of its own. */
export interface ProtectedHost {
  /** As browsers send it: in lower case, with the port if it isn't the scheme's. */
  readonly host: string;
  /** Also the audience of its tokens. */
  readonly origin: string;
  /** `PUBLIC_URL`, where its users log in, and where the files of pages are. */
  readonly gateway: string;
  readonly requirement: AccessQuery;
}

/** The first part of every path at which the gateway itself answers on a protected host. */
export const hostRoutes = '/.vestibule';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the check of the Host header, read by {@link protectedHostOf}. */
    vestibuleHost?: ProtectedHost;
  }
}

/** The protected host that a request is for; undefined at the host of `PUBLIC_URL`. */
export function protectedHostOf(request: FastifyRequest): ProtectedHost | undefined {
  return request.vestibuleHost;
}

/** The list of protected hosts, in memory. */
export class ProtectedHosts {
  readonly #publicUrl: string;
  readonly #publicHost: string;
  readonly #scheme: string;
  /** By host, or by pattern with `*.` in front. */
  readonly #rules: ReadonlyMap<string, AccessQuery>;

  constructor(publicUrl: string, rules: readonly ProtectedHostRule[]) {
    const { host, protocol } = new URL(publicUrl);
    this.#publicUrl = publicUrl;
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
      : { host, origin: `${this.#scheme}//${host}`, gateway: this.#publicUrl, requirement };
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
