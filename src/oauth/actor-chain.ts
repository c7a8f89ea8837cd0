import { z } from 'zod';
import type { Claims } from '../session/tokens/claims.schema.js';
import { OAuthError } from './oauth.error.js';

/** The actor and all previous actors (RFC 8693 section 4.1); the outermost is the current one. */
type Actor = NonNullable<Claims['act']>;

const actorSchema = z.object({ sub: z.string(), act: z.unknown().optional() });

/** The longest chain: a longer one is a loop of services that call each other. */
const longestChain = 5;

/**
 * The `act` claim after a delegation: the new actor, then the actors behind it, then those that the subject's token names already.
 * No actor is ever dropped.
 * @param before of the subject's token.
 * @param actor claims of the actor's token; undefined when there is no new actor.
 * @throws {OAuthError} `invalid_request` when the chain would get too long.
 */
export function delegate(
  before: Claims['act'],
  actor: Pick<Claims, 'sub' | 'act'> | undefined,
): Actor | undefined {
  const chain = [...(actor === undefined ? [] : [actor.sub, ...namesIn(actor.act)]), ...namesIn(before)];
  if (chain.length > longestChain) {
    throw new OAuthError('invalid_request', 'too many have acted for the subject', 'actor_chain_too_long');
  }
  return chain.reduceRight<Actor | undefined>(
    (inner, sub) => (inner === undefined ? { sub } : { sub, act: inner }),
    undefined,
  );
}

function namesIn(act: unknown): string[] {
  const parsed = actorSchema.safeParse(act);
  return parsed.success ? [parsed.data.sub, ...namesIn(parsed.data.act)] : [];
}
