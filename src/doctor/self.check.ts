import { Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { AuthStrategy } from '../auth-strategy/auth.strategy.js';
import type { Configuration } from '../platform/config/configuration.js';
import { type Finding, examine } from './doctor.service.js';
import { reasonOf } from './http.probe.js';
import { openIdProviderCheck } from './openid-provider.check.js';

const firstDelay = 1000;
const longestDelay = 5000;
/** Attempts after which the checks run anyway: they may find what keeps the provider from being ready. */
const timeout = 12;

/**
 * Runs the cheap checks of `vestibule doctor` once in the background, when the provider is ready, and logs a line per finding.
 * If a provider other than Ory isn't ready at the first attempt, its check runs at once: nobody can log in until it's fixed.
 */
export class SelfCheck implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #logger = new Logger(SelfCheck.name);
  #report: (findings: readonly Finding[]) => void = () => undefined;
  /** Findings that have been logged, as code and detail. */
  readonly #reported = new Set<string>();
  #isStopped = false;
  #timer: NodeJS.Timeout | undefined;

  /** The findings, once all checks have run. */
  readonly findings = new Promise<readonly Finding[]>((resolve) => {
    this.#report = resolve;
  });

  readonly #configuration: Configuration;

  constructor(
    private readonly strategy: AuthStrategy,
    configuration: Configuration,
  ) {
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
    const isReady = await this.strategy.requireReady().then(
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
    if (!isReady && attempt < timeout) {
      this.#wait(Math.min(delay * 2, longestDelay), attempt + 1);
      return;
    }
    this.#report(await this.#look());
  }

  /** Runs the checks, and logs each finding that hasn't been logged. */
  async #look(which: { readonly only?: string } = {}): Promise<readonly Finding[]> {
    try {
      const findings = await examine(this.#configuration, { isCheap: true, ...which });
      for (const { code, severity, title, detail, fix } of this.#isStopped ? [] : findings) {
        const name = `${code} ${detail}`;
        if (!this.#reported.has(name)) {
          this.#reported.add(name);
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
