/**
 * The entry point of `@vestibule-auth/verify`: verifies the tokens of a Vestibule gateway without a round trip, on Node, Deno, Bun and
 * edge runtimes.
 */
export { AuthError, type AuthErrorCode } from './auth.error.js';
export { type Claims, type OrgRole, type User, userOf } from './claims.js';
export { type Requirement, checkRequirement } from './requirement.js';
export type { RevocationOptions } from './revocations.js';
export { type IncomingHeaders, authorizationOf } from './authorization.js';
export {
  type Authorization,
  type Caller,
  type Verifier,
  type VerifierOptions,
  createVerifier,
} from './verifier.js';
