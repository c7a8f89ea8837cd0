/**
 * The entry point of `@vestibule-auth/verify`: verifies the tokens of a Vestibule gateway without a round trip, on Node, Deno, Bun and
 * edge runtimes.
 */
export { AuthError, type AuthErrorCode } from './auth.error.js';
export { type Claims, type OrgRole, type User, userOf } from './claims.js';
export { type ProtectedResource, type ResourceOptions, protectedResource } from './protected.resource.js';
export { type Requirement, checkRequirement } from './requirement.js';
export type { RevocationOptions } from './revocations.js';
export type { IncomingRequest } from './request.credential.js';
export { type Caller, type Verifier, type VerifierOptions, createVerifier } from './verifier.js';
