import type { FastifyRequest } from 'fastify';
import { Problem } from '../../../platform/errors/problem.error.js';
import type { ChallengeBinding } from '../hydra/challenge-binding.js';
import { asSent } from '../hydra/code-protection.js';

/** Returns the challenge of a query or form if it belongs to this browser. @throws {Problem} `challenge_rejected` */
export function requireBound(binding: ChallengeBinding, challenge: unknown, request: FastifyRequest): string {
  if (typeof challenge !== 'string' || challenge === '' || challenge.length > 4096) {
    throw new Problem('challenge_rejected', { reason: 'challenge_missing' });
  }
  if (!binding.holds(challenge, request.headers.cookie)) {
    throw new Problem('challenge_rejected', { reason: 'challenge_of_other_browser' });
  }
  return challenge;
}

/** The URL at which a login begins anew: on our own origin, whatever address Hydra has for itself. @param requestUrl of a challenge. */
export function restarted(publicUrl: string, requestUrl: string): string {
  const { pathname, search } = new URL(requestUrl);
  // What the gateway has added is added anew.
  return `${publicUrl}${pathname}?${asSent(search.slice(1))}`;
}
