import { Injectable } from '@nestjs/common';
import type { Kysely, Transaction } from 'kysely';
import type { OrgRole, Schema, SecondFactorScope, UserRow } from '../../platform/database/database.schema.js';

/** What a missing second factor closes: everything, what administrators of the deployment may do, or the active organisation. */
export type SecondFactorReach = 'session' | 'role' | 'org';

/** A second factor that is required of a user. */
export interface SecondFactorDemand {
  /** From when on it is required, in milliseconds since the epoch. */
  readonly due: number;
  readonly reach: readonly SecondFactorReach[];
}

/** A user's role in an organisation, and of whom that requires a second factor. */
export interface OrgDemand {
  readonly role: OrgRole;
  readonly second_factor: SecondFactorScope;
}

/** Decides of whom a second factor is required, from what is known of them: it reads nothing. */
export interface FactorPolicy {
  /** How long users may go on without one, in milliseconds. */
  readonly grace: number;
  /** What is closed to a user without one. @param role in the deployment. @param org the one that they act for. */
  reachOf(role: UserRow['role'], org: OrgDemand | undefined): readonly SecondFactorReach[];
  /** Path of the page that tells a user of a demand. @param returnTo path on this origin that it leads on to. */
  pageOf(returnTo: string): string;
}

/**
 * The second factors that are required of users; none, unless a feature has told its policy when the gateway started. All that asks
 * what a caller lacks asks here, or reads the claim that is made from it.
 */
@Injectable()
export class RequiredFactors {
  #policy: FactorPolicy | undefined;

  use(policy: FactorPolicy): void {
    this.#policy = policy;
  }

  /** Whether there is a policy, so that an organisation can require one of its members. */
  get areServed(): boolean {
    return this.#policy !== undefined;
  }

  /** The page that tells a user of a demand, by the claim of their token; undefined without a demand. */
  pageOf(
    { second_factor: demand }: { readonly second_factor?: unknown },
    returnTo: string,
  ): string | undefined {
    return demand === undefined ? undefined : this.#policy?.pageOf(returnTo);
  }

  /** What is required of a user; null for nothing. @param now milliseconds since the epoch. */
  async demandOf(
    query: Kysely<Schema> | Transaction<Schema>,
    user: Pick<UserRow, 'id' | 'role' | 'second_factor_since'>,
    org: OrgDemand | undefined,
    now: number,
  ): Promise<SecondFactorDemand | null> {
    const policy = this.#policy;
    const reach = policy?.reachOf(user.role, org) ?? [];
    return policy === undefined || reach.length === 0
      ? null
      : { due: (await sinceOf(query, user, now)) + policy.grace, reach };
  }

  /** Whether an organisation requires one of a member by now. @param now milliseconds since the epoch. */
  async isDueIn(
    query: Kysely<Schema> | Transaction<Schema>,
    user: Pick<UserRow, 'id' | 'second_factor_since'>,
    org: OrgDemand,
    now: number,
  ): Promise<boolean> {
    const policy = this.#policy;
    return (
      policy !== undefined &&
      policy.reachOf('user', org).includes('org') &&
      (await sinceOf(query, user, now)) + policy.grace <= now
    );
  }
}

/**
 * When the time of a user to whom a policy applies began. The first time it begins now; it never begins again.
 * @returns milliseconds since the epoch.
 */
async function sinceOf(
  query: Kysely<Schema> | Transaction<Schema>,
  user: Pick<UserRow, 'id' | 'second_factor_since'>,
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
  return user.second_factor_since ?? now;
}
