import { type Kysely, sql } from 'kysely';
import { connectionIssuerPrefix, isOrgIssuer } from '../directory/users/connection-identity.js';
import type { OryConfiguration } from '../platform/config/configuration.js';
import type { Schema } from '../platform/database/database.schema.js';
import type { Check } from './check.port.js';
import { readDatabase } from './database.check.js';

/** The migration since which a key says which organisation's connection vouched for the login that made it. */
const migration = '0024-provider-answers';
/** How many keys are named. */
const named = 20;

/** Lists the keys that may have been made in sessions of an organisation's connection, before that was recorded: nothing ends them. */
export const apiKeysCheck: Check<OryConfiguration> = {
  name: 'API keys',
  isCheap: false,
  run: async ({ DATABASE_URL }) => {
    const ids = (await readDatabase(DATABASE_URL, unboundKeys)) ?? [];
    const more = ids.length > named ? [`and ${ids.length - named} more`] : [];
    return ids.length === 0
      ? []
      : [{ code: 'api_key_unbound', detail: [...ids.slice(0, named), ...more].join(', ') }];
  },
};

async function unboundKeys(query: Kysely<Schema>): Promise<readonly string[]> {
  const { rows } = await sql<{ timestamp: string }>`
    select timestamp from vestibule_migrations where name = ${migration}`.execute(query);
  const since = Date.parse(rows[0]?.timestamp ?? '');
  if (Number.isNaN(since)) {
    return [];
  }
  const keys = await query
    .selectFrom('api_keys')
    .innerJoin('identities', 'identities.user_id', 'api_keys.user_id')
    .select(['api_keys.id', 'identities.issuer'])
    .where('api_keys.created_at', '<', since)
    .where('api_keys.org_id', 'is', null)
    .where('api_keys.vouched_org_id', 'is', null)
    .where('api_keys.revoked_at', 'is', null)
    .where(({ eb, or }) =>
      or([eb('api_keys.expires_at', 'is', null), eb('api_keys.expires_at', '>', Date.now())]),
    )
    .where('identities.issuer', 'like', `${connectionIssuerPrefix}%`)
    .orderBy('api_keys.id')
    .execute();
  return [...new Set(keys.filter(({ issuer }) => isOrgIssuer(issuer)).map(({ id }) => id))];
}
