import type { FastifyRequest } from 'fastify';
import { Problem } from '../platform/errors/problem.error.js';
import type { ClientInfo } from '../platform/http/client-info.js';
import type { User } from '../directory/users/identity.js';
import type { Claims } from './tokens/claims.schema.js';
import { apiKeyClientId } from './guards/key-authenticator.js';

/** The caller of a request, as the verified augmented token states it. */
export interface Principal {
  readonly user: User;
  readonly claims: Claims;
  /** The kind of credential that the request carried. */
  readonly credential: 'cookie' | 'bearer' | 'api_key';
  /** The augmented token, if the request itself doesn't carry it because its session has just been renewed. */
  readonly token?: string;
  /** End of an API key in seconds since the epoch, infinity if it has none: no token made from it lives longer. */
  readonly keyEndsAt?: number;
}

/** The caller of an operation, and their client. */
export interface Caller {
  readonly principal: Principal;
  readonly client: ClientInfo;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the guard, read by {@link principalOf}. */
    vestibulePrincipal?: Principal;
  }
}

/** Whether a session makes the request, rather than an API key, a service, or a token exchanged for one of these. */
export function hasSession({ claims }: Pick<Principal, 'claims'>): boolean {
  return isOfSession(claims);
}

/** Whether these claims belong to a session. A service's claims don't: their `sid` equals their `sub`. */
export function isOfSession({ client_id, sid, sub }: Pick<Claims, 'client_id' | 'sid' | 'sub'>): boolean {
  return client_id !== apiKeyClientId && sid !== sub;
}

/** Whether the caller administers the whole deployment, as their token states it. */
export function isAdministrator({ claims }: Principal): boolean {
  return claims.roles?.includes('admin') === true;
}

/** Stores the caller of this request. Only the guard calls it. */
export function setPrincipal(request: FastifyRequest, principal: Principal): void {
  request.vestibulePrincipal = principal;
}

/** The caller of this request; undefined on public routes without a live session. */
export function principalOf(request: FastifyRequest): Principal | undefined {
  return request.vestibulePrincipal;
}

/** The caller of this request. @throws {Problem} `unauthenticated` if there is none. */
export function requirePrincipal(request: FastifyRequest): Principal {
  const principal = principalOf(request);
  if (principal === undefined) {
    throw new Problem('unauthenticated', { reason: 'no_principal' });
  }
  return principal;
}

/** Claims → the user that they describe. */
export function userOf(claims: Claims): User {
  return {
    id: claims.sub,
    email: claims.email ?? null,
    emailVerified: claims.email_verified,
    name: claims.name ?? null,
    picture: claims.picture ?? null,
  };
}
