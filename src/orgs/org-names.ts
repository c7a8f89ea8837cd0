import { Inject, Injectable } from '@nestjs/common';
import { ProductNames } from './product-names.js';
import { CONFIGURATION } from '../platform/config/config.module.js';
import { type Configuration, orgsNamedIn } from '../platform/config/configuration.js';
import { Database } from '../platform/database/database.schema.js';
import type { FieldError } from '../platform/errors/problem.error.js';

/**
 * Decides which names an organisation may get. Users read its name on consent pages, and programs compare its short name, in
 * `groups` and in headers, with what they know. Administrators may give any name.
 */
@Injectable()
export class OrgNames {
  readonly #configuration: Configuration;

  constructor(
    private readonly products: ProductNames,
    private readonly database: Database,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#configuration = configuration;
  }

  /** What is wrong with names, unless an administrator gives them. */
  async faultsOf({
    name,
    slug,
  }: {
    readonly name?: string | undefined;
    readonly slug?: string | undefined;
  }): Promise<readonly FieldError[]> {
    const product = 'must not look like the name of the product, or of a first-party application';
    const reserved = 'is reserved: only administrators of the deployment may give it';
    const faults: FieldError[] = [];
    if (name !== undefined && (await this.products.areLike(name))) {
      faults.push({ field: 'name', message: product });
    } else if (name !== undefined && this.products.isReserved(name)) {
      faults.push({ field: 'name', message: reserved });
    }
    if (slug !== undefined && (await this.products.areLike(slug))) {
      faults.push({ field: 'slug', message: product });
    } else if (slug !== undefined && (this.products.isReservedSlug(slug) || (await this.#isKnown(slug)))) {
      faults.push({ field: 'slug', message: reserved });
    }
    return faults;
  }

  /** Whether a rule of the deployment's names it, or a group in one of its directories. */
  async #isKnown(slug: string): Promise<boolean> {
    const configuration = this.#configuration;
    if (orgsNamedIn(configuration).some(([, org]) => org === slug)) {
      return true;
    }
    const directories = configuration.AUTH_PROVIDER === 'ory' ? configuration.CONNECTIONS : [];
    if (directories.length === 0) {
      return false;
    }
    const ids = directories.map(({ id }) => id);
    const member = await this.database.query
      .selectFrom('connection_identities')
      .select('id')
      .where('connection_id', 'in', ids)
      .where(({ eb, fn }) => eb(fn<string>('lower', ['groups']), 'like', `%"${slug}"%`))
      .limit(1)
      .executeTakeFirst();
    return member !== undefined;
  }
}
