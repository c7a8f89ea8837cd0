import type { Kysely } from 'kysely';
import type { OryConfiguration } from '../platform/config/configuration.js';
import { isIdentifier } from '../platform/core/account-identifier.js';
import type { Schema } from '../platform/database/database.schema.js';
import { kratosIssuer } from '../providers/ory/kratos/kratos-session.js';
import type { Check } from './check.port.js';
import { readDatabase } from './database.check.js';
import { rowPages } from './row-pages.js';

/** How many identities are named, and how many users are read at a time. */
const [named, pageSize] = [20, 5000];

/** Checks that every user of Kratos can log in by their address: older versions took characters that are refused now. */
export const identifiersCheck: Check<OryConfiguration> = {
  name: 'identifiers',
  isCheap: false,
  run: async ({ DATABASE_URL }) => {
    const refused = (await readDatabase(DATABASE_URL, refusedSubjects)) ?? [];
    const ids = refused.slice(0, named);
    const more = refused.length > named ? [`and ${refused.length - named} more`] : [];
    return refused.length === 0
      ? []
      : [{ code: 'identifier_refused', detail: `identities ${[...ids, ...more].join(', ')}` }];
  },
};

/** Subjects of the identities of Kratos whose address is refused now. It judges each, as a login does: no pattern of SQL's is the same. */
async function refusedSubjects(query: Kysely<Schema>): Promise<readonly string[]> {
  const refused: string[] = [];
  const read = async (after: string) =>
    query
      .selectFrom('identities')
      .innerJoin('users', 'users.id', 'identities.user_id')
      .select(['identities.subject', 'users.email'])
      .where('identities.issuer', '=', kratosIssuer)
      .where('identities.subject', '>', after)
      .orderBy('identities.subject')
      .limit(pageSize)
      .execute();
  for await (const page of rowPages(pageSize, read, ({ subject }) => subject)) {
    refused.push(
      ...page.flatMap(({ subject, email }) => (email === null || isIdentifier(email) ? [] : [subject])),
    );
  }
  return refused;
}
