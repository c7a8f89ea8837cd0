import type { ExpressionBuilder, ExpressionWrapper, Kysely, SqlBool } from 'kysely';
import type { Schema } from '../platform/database/database.schema.js';

/**
 * Keys, and those that they made, and theirs, as the table `made`.
 * @param first which keys it begins with.
 */
export function withMadeKeys(
  query: Kysely<Schema>,
  first: (keys: ExpressionBuilder<Schema, 'api_keys'>) => ExpressionWrapper<Schema, 'api_keys', SqlBool>,
) {
  return query.withRecursive('made(id, org_id, user_id)', (keys) =>
    keys
      .selectFrom('api_keys')
      .select(['id', 'org_id', 'user_id'])
      .where(first)
      .union(
        keys
          .selectFrom('made')
          .innerJoin('api_keys as made_by_key', (join) =>
            join.on(({ and, eb, or, ref }) =>
              or([
                eb('made_by_key.made_by_key', '=', ref('made.id')),
                // An organisation's key has an account of its own, also in rows from before makers were recorded.
                and([
                  eb('made_by_key.org_id', '=', ref('made.org_id')),
                  eb('made_by_key.created_by', '=', ref('made.user_id')),
                ]),
              ]),
            ),
          )
          .select(['made_by_key.id', 'made_by_key.org_id', 'made_by_key.user_id']),
      ),
  );
}
