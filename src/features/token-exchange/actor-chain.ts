import { type Actor, type Claims, actorsIn } from '../../session/tokens/claims.schema.js';
import { OAuthError } from '../../session/tokens/oauth.error.js';

/** The actor and all previous actors (RFC 8693 section 4.1); the outermost is the current one. */
type ActorChain = NonNullable<Claims['act']>;

/** The longest chain: a longer one is a loop of services that call each other. */
const longestChain = 5;

/**
 * The `act` claim after a delegation: the new actor, then the actors behind it, then those that the subject's token names already.
 * No actor is ever dropped. Each is named with the session or key of its token, and with the token's id: their end and its change end
 * the new token too.
 * @param before of the subject's token.
 * @param actor claims of the actor's token; undefined when there is no new actor.
 * @throws {OAuthError} `invalid_request` when the chain would get too long.
 */
export function delegate(
  before: Claims['act'],
  actor: Pick<Claims, 'sub' | 'sid' | 'jti' | 'act'> | undefined,
): ActorChain | undefined {
  const chain = [...(actor === undefined ? [] : [named(actor), ...actorsIn(actor.act)]), ...actorsIn(before)];
  if (chain.length > longestChain) {
    throw new OAuthError('invalid_request', 'too many have acted for the subject', 'actor_chain_too_long');
  }
  return chain.reduceRight<ActorChain | undefined>(
    (inner, each) => (inner === undefined ? each : { ...each, act: inner }),
    undefined,
  );
}

function named({ sub, sid, jti }: Pick<Claims, 'sub' | 'sid' | 'jti'>): Actor {
  return { sub, sid, jti };
}
