import { Resolver } from 'node:dns/promises';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION } from '../platform/config/config.module.js';
import type { Configuration } from '../platform/config/configuration.js';

/** The answer of DNS for a name: its TXT records, if any; `unknown` if DNS didn't answer; `off` if DNS isn't used here. */
export type DomainAnswer = readonly string[] | 'unknown' | 'off';

/** Milliseconds for one attempt; there are two. */
const timeout = 1500;
/** The error codes for a name that doesn't exist, and for one without TXT records. */
const absent: ReadonlySet<unknown> = new Set(['ENOTFOUND', 'ENODATA']);

/** Looks up TXT records (RFC 1035) at the servers in `DNS_SERVERS`, or else the system's; without `DNS_SERVERS`, an air gap uses no DNS. */
@Injectable()
export class DomainRecords {
  readonly #resolver: Resolver | undefined;

  constructor(@Inject(CONFIGURATION) { DNS_SERVERS, AIR_GAPPED }: Configuration) {
    if (DNS_SERVERS.length > 0 || !AIR_GAPPED) {
      this.#resolver = new Resolver({ timeout, tries: 2 });
    }
    if (DNS_SERVERS.length > 0) {
      this.#resolver?.setServers([...DNS_SERVERS]);
    }
  }

  /** The TXT records of a name. Takes a few seconds at most and never throws. */
  async find(name: string): Promise<DomainAnswer> {
    if (this.#resolver === undefined) {
      return 'off';
    }
    try {
      return (await this.#resolver.resolveTxt(name)).map((parts) => parts.join(''));
    } catch (error) {
      const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
      return absent.has(code) ? [] : 'unknown';
    }
  }
}
