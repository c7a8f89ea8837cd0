import type { FactorPolicy, OrgDemand, SecondFactorReach } from '../../directory/users/required-factors.js';
import type { SecondFactorScope, UserRow } from '../../platform/database/database.schema.js';
import type { SettingsOf } from '../../platform/features/feature.js';
import type { secondFactorSettings } from './second-factor.settings.js';

/** The policies of the deployment and of organisations, which require a second factor (docs/adr/0037). */
export class SecondFactorPolicy implements FactorPolicy {
  readonly grace: number;
  readonly #scope: SecondFactorScope;

  constructor({ REQUIRE_SECOND_FACTOR, SECOND_FACTOR_GRACE }: SettingsOf<typeof secondFactorSettings>) {
    this.#scope = REQUIRE_SECOND_FACTOR;
    this.grace = SECOND_FACTOR_GRACE * 1000;
  }

  reachOf(role: UserRow['role'], org: OrgDemand | undefined): readonly SecondFactorReach[] {
    return [
      ...(this.#scope === 'everyone' ? (['session'] as const) : []),
      ...(this.#scope !== 'none' && role === 'admin' ? (['role'] as const) : []),
      ...(org !== undefined && appliesTo(org) ? (['org'] as const) : []),
    ];
  }

  pageOf(returnTo: string): string {
    return `/second-factor?${new URLSearchParams({ return_to: returnTo })}`;
  }
}

/** Whether an organisation's policy applies to a role in it. */
function appliesTo({ second_factor: scope, role }: OrgDemand): boolean {
  return scope === 'everyone' || (scope === 'admins' && role !== 'member');
}
