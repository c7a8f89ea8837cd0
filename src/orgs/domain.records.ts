import { Resolver } from 'node:dns/promises';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';

/** What DNS says of a name: its TXT records, none included; `unknown` when it didn't answer, `off` where it isn't asked. */
export type DomainAnswer = readonly string[] | 'unknown' | 'off';

/** Port: TXT records of DNS (RFC 1035). */
export abstract class DomainRecords {
  /** Takes a few seconds at most and never throws. */
  abstract find(name: string): Promise<DomainAnswer>;
}

/** Milliseconds for one attempt; there are two. */
const timeout = 1500;
/** No such name, and a name without such records. */
const absent: ReadonlySet<unknown> = new Set(['ENOTFOUND', 'ENODATA']);

/** Asks the servers in `DNS_SERVERS`, else those of the system; none in an air gap without `DNS_SERVERS`. */
@Injectable()
export class DnsDomainRecords extends DomainRecords {
  readonly #resolver: Resolver | undefined;

  constructor(@Inject(CONFIGURATION) { DNS_SERVERS, AIR_GAPPED }: Configuration) {
    super();
    if (DNS_SERVERS.length > 0 || !AIR_GAPPED) {
      this.#resolver = new Resolver({ timeout, tries: 2 });
    }
    if (DNS_SERVERS.length > 0) {
      this.#resolver?.setServers([...DNS_SERVERS]);
    }
  }

  override async find(name: string): Promise<DomainAnswer> {
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
