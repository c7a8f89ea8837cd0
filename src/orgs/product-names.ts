import { Inject, Injectable } from '@nestjs/common';
import { resembles } from '../auth-strategy/application-name.js';
import { AuthStrategy } from '../auth-strategy/auth.strategy.js';
import { isReservedName, isReservedSlug } from '../auth-strategy/reserved-names.js';
import { CONFIGURATION } from '../platform/config/config.module.js';
import type { Configuration } from '../platform/config/configuration.js';

/** The names by which users know the product: its own, and those of its first-party applications. */
@Injectable()
export class ProductNames {
  readonly #brand: string;

  constructor(
    private readonly strategy: AuthStrategy,
    @Inject(CONFIGURATION) { BRAND_NAME }: Configuration,
  ) {
    this.#brand = BRAND_NAME;
  }

  /** Whether a name means something to programs or people. */
  isReserved(name: string): boolean {
    return isReservedName(name, this.#brand);
  }

  /** Whether the short name of an organisation does, which programs compare. */
  isReservedSlug(slug: string): boolean {
    return isReservedSlug(slug, this.#brand);
  }

  /** Whether users could take a name for one of them. */
  async areLike(name: string): Promise<boolean> {
    const applications = (await this.strategy.applications?.firstParty()) ?? [];
    return [this.#brand, ...applications.map((own) => own.name)].some((own) => resembles(name, own));
  }
}
