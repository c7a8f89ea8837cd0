import { Problem } from '../core/problem.error.js';
import type { OrgRole } from '../database/database.schema.js';

/** The refusal of a caller who lacks a role in the deployment; its detail names the role. */
export function roleMissing(role: string): Problem {
  return new Problem('forbidden', { detail: `Requires the role ${role}.`, reason: 'role_missing' });
}

/** The refusal of a caller who acts for no organisation, or for another one. */
export function orgMissing(): Problem {
  return new Problem('forbidden', {
    detail: 'Requires a session or token that acts for this organisation.',
    reason: 'org_missing',
  });
}

/** The refusal of a caller whose role in the organisation is too low; its detail names the least role. */
export function orgRoleMissing(role: OrgRole): Problem {
  return new Problem('forbidden', {
    detail: `Requires the role ${role} in the organisation.`,
    reason: 'org_role_missing',
  });
}
