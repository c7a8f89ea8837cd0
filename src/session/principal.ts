import type { FastifyRequest } from 'fastify';
import type { User } from '../users/identity.js';
import type { Claims } from './claims.schema.js';
import { apiKeyClientId } from './key.authenticator.js';

/** Who makes a request, as the verified augmented token says it. */
export interface Principal {
  readonly user: User;
  readonly claims: Claims;
  /** What the request carried. */
  readonly credential: 'cookie' | 'bearer' | 'api_key';
  /** The augmented token, where the request doesn't carry it: its session was renewed just now. */
  readonly token?: string;
  /** End of an API key in seconds since the epoch, infinity without one: no token made from it lives longer. */
  readonly keyEndsAt?: number;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the guard, read by {@link principalOf}. */
    vestibulePrincipal?: Principal;
  }
}

/** Whether it's a session that makes the request, and not an API key, a service, or what one was exchanged for. */
export function hasSession({ claims }: Principal): boolean {
  return isOfSession(claims);
}

/** Whether there is a session behind these claims. What services get has none: its `sid` is its `sub`. */
export function isOfSession({ client_id, sid, sub }: Pick<Claims, 'client_id' | 'sid' | 'sub'>): boolean {
  return client_id !== apiKeyClientId && sid !== sub;
}

/** Remembers who makes this request. Only the guard calls it. */
export function setPrincipal(request: FastifyRequest, principal: Principal): void {
  request.vestibulePrincipal = principal;
}

/** Who makes this request; undefined on public routes without a live session. */
export function principalOf(request: FastifyRequest): Principal | undefined {
  return request.vestibulePrincipal;
}

/** Claims → the user they speak of. */
export function userOf(claims: Claims): User {
  return {
    id: claims.sub,
    email: claims.email ?? null,
    emailVerified: claims.email_verified,
    name: claims.name ?? null,
    picture: claims.picture ?? null,
  };
}
