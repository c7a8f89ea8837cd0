import type { Kysely } from 'kysely';
import { isReservedSlug } from '../auth-strategy/reserved-names.js';
import { isNamed } from '../directory/users/org-reference.js';
import { type Configuration, orgsNamedIn } from '../platform/config/configuration.js';
import type { Schema } from '../platform/database/database.schema.js';
import type { Check, Observation } from './check.port.js';
import { readDatabase } from './database.check.js';
import { rowPages } from './row-pages.js';

/** Organisations that are named in one finding, and that are read at a time. */
const [mostNamed, pageSize] = [20, 1000];

/** Checks the names of organisations that others believe: those in rules of the deployment, and those that programs know. */
export const namesCheck: Check = {
  name: 'names',
  isCheap: true,
  run: async (configuration) =>
    (await readDatabase(configuration.DATABASE_URL, async (query) => [
      ...(await rulesOfNobody(query, configuration)),
      ...(await reservedNames(query, configuration)),
    ])) ?? [],
};

/** Rules that name an organisation which doesn't exist: nobody gets in by them. */
async function rulesOfNobody(query: Kysely<Schema>, configuration: Configuration): Promise<Observation[]> {
  const rules = orgsNamedIn(configuration);
  const names = rules.map(([, org]) => org);
  const known =
    names.length === 0
      ? []
      : await query
          .selectFrom('orgs')
          .select(['id', 'slug'])
          .where(({ or, eb }) => or([eb('id', 'in', names), eb('slug', 'in', names)]))
          .execute();
  return rules
    .filter(([, org]) => !known.some((one) => isNamed(one, org)))
    .map(([rule]) => ({ code: 'rule_org_unknown', detail: rule }));
}

/** Organisations with a reserved short name that no administrator gave. */
async function reservedNames(query: Kysely<Schema>, { BRAND_NAME }: Configuration): Promise<Observation[]> {
  const reserved: string[] = [];
  const read = async (after: string) =>
    query
      .selectFrom('orgs')
      .leftJoin('org_slugs', (join) =>
        join.onRef('org_slugs.slug', '=', 'orgs.slug').onRef('org_slugs.org_id', '=', 'orgs.id'),
      )
      .select(['orgs.id', 'orgs.slug'])
      .where(({ or, eb }) =>
        or([eb('org_slugs.by_administrator', 'is', null), eb('org_slugs.by_administrator', '=', 0)]),
      )
      .where('orgs.id', '>', after)
      .orderBy('orgs.id')
      .limit(pageSize)
      .execute();
  for await (const orgs of rowPages(pageSize, read, ({ id }) => id)) {
    reserved.push(...orgs.map(({ slug }) => slug).filter((slug) => isReservedSlug(slug, BRAND_NAME)));
    if (reserved.length > mostNamed) {
      break;
    }
  }
  const more = reserved.length > mostNamed ? ' and more' : '';
  return reserved.length === 0
    ? []
    : [{ code: 'org_name_reserved', detail: `${reserved.slice(0, mostNamed).join(', ')}${more}` }];
}
