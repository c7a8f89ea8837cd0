import { Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { AuthStrategy } from '../auth/auth.strategy.js';
import type { Configuration } from '../config/configuration.js';
import { type Finding, examine } from './doctor.service.js';
import { reasonOf } from './http.probe.js';
import { openIdProviderCheck } from './openid-provider.check.js';

const firstDelay = 1000;
const longestDelay = 5000;
/** Attempts after which it looks all the same: what keeps the provider from being ready may be what it finds. */
const patience = 12;

/**
 * Looks once at what is cheap, when the provider is ready, beside everything else. A line of the log a finding. What keeps a provider
 * that runs elsewhere from being ready is looked for at once: nobody can log in until it's mended.
 */
export class SelfCheck implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #logger = new Logger(SelfCheck.name);
  readonly #strategy: AuthStrategy;
  readonly #configuration: Configuration;
  #tell: (findings: readonly Finding[]) => void = () => undefined;
  /** Findings that are in the log already. */
  readonly #told = new Set<string>();
  #isStopped = false;
  #timer: NodeJS.Timeout | undefined;

  /** What it found, once it has looked. */
  readonly findings = new Promise<readonly Finding[]>((resolve) => {
    this.#tell = resolve;
  });

  constructor(strategy: AuthStrategy, configuration: Configuration) {
    this.#strategy = strategy;
    this.#configuration = configuration;
  }

  onApplicationBootstrap(): void {
    this.#wait(firstDelay, 1);
  }

  onModuleDestroy(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #wait(delay: number, attempt: number): void {
    this.#timer = setTimeout(() => void this.#attempt(delay, attempt), delay).unref();
  }

  async #attempt(delay: number, attempt: number): Promise<void> {
    const isReady = await this.#strategy.requireReady().then(
      () => true,
      () => false,
    );
    if (this.#isStopped) {
      return;
    }
    const isElsewhere = this.#configuration.AUTH_PROVIDER !== 'ory';
    if (!isReady && isElsewhere && attempt === 1) {
      await this.#look({ only: openIdProviderCheck.name });
    }
    if (!isReady && attempt < patience) {
      this.#wait(Math.min(delay * 2, longestDelay), attempt + 1);
      return;
    }
    this.#tell(await this.#look());
  }

  /** Looks, and logs what isn't in the log yet. */
  async #look(which: { readonly only?: string } = {}): Promise<readonly Finding[]> {
    try {
      const findings = await examine(this.#configuration, { isCheap: true, ...which });
      for (const { code, severity, title, detail, fix } of this.#isStopped ? [] : findings) {
        const name = `${code} ${detail}`;
        if (!this.#told.has(name)) {
          this.#told.add(name);
          this.#logger.warn(title, { reason: 'self_check', code, severity, detail, fix });
        }
      }
      return findings;
    } catch (error) {
      this.#logger.warn('the self-check failed', { reason: 'self_check', code: reasonOf(error) });
      return [];
    }
  }
}
