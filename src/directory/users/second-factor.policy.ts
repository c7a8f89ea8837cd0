import type { Kysely, Transaction } from 'kysely';
import type { Configuration } from '../../platform/config/configuration.js';
import type { OrgRole, Schema, SecondFactorScope, UserRow } from '../../platform/database/database.schema.js';

/** What a missing second factor closes: everything, what administrators of the deployment may do, or the active organisation. */
export type SecondFactorReach = 'session' | 'role' | 'org';

/** The deployment's policy, and the time that every policy gives. */
export interface SecondFactorRule {
  readonly scope: SecondFactorScope;
  /** Milliseconds. */
  readonly grace: number;
}

/** A second factor that is required of a user. */
export interface SecondFactorDemand {
  /** From when on it is required, in milliseconds since the epoch. */
  readonly due: number;
  readonly reach: readonly SecondFactorReach[];
}

/** The rule of a configuration. */
export function secondFactorRuleOf({
  REQUIRE_SECOND_FACTOR: scope,
  SECOND_FACTOR_GRACE,
}: Configuration): SecondFactorRule {
  return { scope, grace: SECOND_FACTOR_GRACE * 1000 };
}

/** Whether an organisation's policy applies to a role in it. */
export function appliesTo(scope: SecondFactorScope, role: OrgRole): boolean {
  return scope === 'everyone' || (scope === 'admins' && role !== 'member');
}

/** What the deployment's policy and that of the active organisation close to a user without a second factor. */
export function reachOf(
  scope: SecondFactorScope,
  user: Pick<UserRow, 'role'>,
  org: { readonly role: OrgRole; readonly second_factor: SecondFactorScope } | undefined,
): readonly SecondFactorReach[] {
  return [
    ...(scope === 'everyone' ? (['session'] as const) : []),
    ...(scope !== 'none' && user.role === 'admin' ? (['role'] as const) : []),
    ...(org !== undefined && appliesTo(org.second_factor, org.role) ? (['org'] as const) : []),
  ];
}

/**
 * When a second factor is due of a user to whom a policy applies. The first time, the user's time to set one up begins; it never
 * begins again.
 * @param now milliseconds since the epoch.
 * @returns milliseconds since the epoch.
 */
export async function secondFactorDue(
  query: Kysely<Schema> | Transaction<Schema>,
  user: Pick<UserRow, 'id' | 'second_factor_since'>,
  grace: number,
  now: number,
): Promise<number> {
  if (user.second_factor_since === null) {
    await query
      .updateTable('users')
      .set({ second_factor_since: now })
      .where('id', '=', user.id)
      .where('second_factor_since', 'is', null)
      .execute();
  }
  return (user.second_factor_since ?? now) + grace;
}
