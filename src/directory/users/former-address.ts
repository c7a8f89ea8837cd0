import { type ExpressionBuilder, sql } from 'kysely';
import type { Schema, UserRow } from '../../platform/database/database.schema.js';

/** Milliseconds for which a verified address that was replaced is still told of changes. */
const toldFor = 7 * 24 * 60 * 60 * 1000;

/** Characters of the list up to which an address is added: the earliest ones are kept. */
const room = 1000;

/** The columns of a user that {@link addressesOf} reads. */
export type AddressedUser = Pick<UserRow, 'email' | 'email_verified' | 'former_emails' | 'former_emails_at'>;

/**
 * The update that keeps the verified address of a user when another one replaces it, beside those that are still told: anyone who
 * takes an account over doesn't get rid of its owners' by more changes.
 * @param next the address that the user gets. @param now milliseconds since the epoch.
 */
export function formerAddress(
  { and, eb, fn, ref }: ExpressionBuilder<Schema, 'users'>,
  next: string | null,
  now: number,
) {
  const isTold = eb('former_emails_at', '>', now - toldFor);
  const isReplaced = and([
    eb('email_verified', '=', 1),
    eb('email', 'is distinct from', next),
    // Another provider's address may be any text, and a line is an entry.
    eb('email', 'not like', '%\n%'),
  ]);
  const hasRoom = eb(fn<number>('length', ['former_emails']), '<', room);
  // PostgreSQL treats a parameter in a CASE as text, so the number has an explicit type.
  const moment = sql<number>`cast(${now} as bigint)`;
  const entry = sql<string>`cast(${`${now} `} as text) || ${ref('email')}`;
  return {
    former_emails: eb
      .case()
      .when(and([isTold, isReplaced, hasRoom]))
      .then(sql<string>`${ref('former_emails')} || cast(${'\n'} as text) || ${entry}`)
      .when(isTold)
      .then(ref('former_emails'))
      .when(isReplaced)
      .then(entry)
      .end(),
    former_emails_at: eb
      .case()
      .when(isReplaced)
      .then(moment)
      .when(isTold)
      .then(ref('former_emails_at'))
      .end(),
  };
}

/** The addresses that are told of changes of an account: none that was never verified, which may be a stranger's. */
export function addressesOf(
  { email, email_verified: isVerified, former_emails: list }: AddressedUser,
  now: number,
): { readonly present: string | undefined; readonly former: readonly string[] } {
  const present = isVerified === 1 ? (email ?? undefined) : undefined;
  return { present, former: listed(list, now - toldFor).filter((address) => address !== present) };
}

/** The addresses in a list of former ones, each once. @param after the moment after which they were replaced. */
export function listed(list: string | null, after = 0): readonly string[] {
  const entries = (list ?? '').split('\n').map((line) => /^(\d+) (.+)$/.exec(line));
  return [...new Set(entries.flatMap((entry) => (Number(entry?.[1]) > after ? (entry?.[2] ?? []) : [])))];
}
