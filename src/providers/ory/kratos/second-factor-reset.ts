import { Problem } from '../../../platform/errors/problem.error.js';
import type { HydraGrants } from '../hydra/hydra-grants.js';
import type { KratosClearance } from './kratos-clearance.js';
import type { KratosClient } from './kratos.client.js';

/** The parts that a reset calls. */
export interface ResetParts {
  readonly kratos: Pick<KratosClient, 'loginMethodsOf'>;
  readonly clearance: Pick<KratosClearance, 'resetSecondFactors'>;
  readonly grants: Pick<HydraGrants, 'endAccess'>;
}

/**
 * Removes an identity's second factors, and ends every login that was made with them: its sessions at Kratos and Hydra, and what
 * applications may do. Safe to repeat.
 * @param removed gets each factor as soon as it is removed. @throws {Problem} `conflict` if the identity is gone, `provider_unavailable`
 */
export async function resetSecondFactors(
  { kratos, clearance, grants }: ResetParts,
  subject: string,
  removed: Set<string>,
): Promise<void> {
  const methods = await kratos.loginMethodsOf(subject);
  if (methods === undefined) {
    throw identityGone();
  }
  // Hydra first: as long as the factors are there, an attempt that failed is seen and repeated.
  await grants.endAccess(subject);
  await clearance.resetSecondFactors(subject, (factor) => {
    if (methods.secondFactors.some((had) => had === factor)) {
      removed.add(factor);
    }
  });
  // Once more: a session that was still there may have given access meanwhile.
  await grants.endAccess(subject);
}

/** The refusal of a change to an identity that Kratos no longer has. */
export function identityGone(): Problem {
  return new Problem('conflict', {
    detail: 'The login provider no longer knows this person.',
    reason: 'kratos_identity_gone',
  });
}
