import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { OrgDomains } from './org.domains.service.js';

const cycleMilliseconds = 3_600_000;

/** Looks every hour for domains whose DNS records are due to be looked at again. Any number of replicas may do it. */
@Injectable()
export class OrgDomainWatch implements OnModuleInit, OnModuleDestroy {
  readonly #logger = new Logger(OrgDomainWatch.name);
  readonly #domains: OrgDomains;
  #timer: NodeJS.Timeout | undefined;

  constructor(domains: OrgDomains) {
    this.#domains = domains;
  }

  onModuleInit(): void {
    this.#timer = setInterval(() => void this.#cycle(), cycleMilliseconds).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.#timer);
  }

  async #cycle(): Promise<void> {
    try {
      await this.#domains.recheck();
    } catch (error) {
      this.#logger.warn('domains of organisations cannot be checked', {
        reason: 'domain_check_failed',
        err: error,
      });
    }
  }
}
