import { Inject, Injectable } from '@nestjs/common';
import { resembles } from '../../auth-strategy/application.name.js';
import { AuthStrategy } from '../../auth-strategy/auth.strategy.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';

/** The names by which users know the product: its own, and those of its first-party applications. */
@Injectable()
export class ProductNames {
  readonly #strategy: AuthStrategy;
  readonly #brand: string;

  constructor(strategy: AuthStrategy, @Inject(CONFIGURATION) { BRAND_NAME }: Configuration) {
    this.#strategy = strategy;
    this.#brand = BRAND_NAME;
  }

  /** Whether users could take a name for one of them. */
  async areLike(name: string): Promise<boolean> {
    const applications = (await this.#strategy.applications?.firstParty()) ?? [];
    return [this.#brand, ...applications.map((own) => own.name)].some((own) => resembles(name, own));
  }
}
