/** The entry point of `@vestibule-auth/hono`: guards the routes of a Hono application with the tokens of a Vestibule gateway. */
import {
  AuthError,
  type Caller,
  type Requirement,
  type VerifierOptions,
  checkRequirement,
  createVerifier,
} from '@vestibule-auth/verify';
import type { MiddlewareHandler } from 'hono';

declare module 'hono' {
  interface ContextVariableMap {
    /** Who calls; set by the guard, so there is none on a route without one. */
    auth: Caller;
  }
}

/** Hono middleware; `context.var.auth` is who calls. */
export type Guard = MiddlewareHandler<{ Variables: { auth: Caller } }>;

/**
 * Makes the guards of an application: `const guard = vestibule({ issuer, audience })`, then `app.get('/', guard(), …)` for one route
 * or `app.use(guard())` for all that come after it. A request without a live token that meets the requirement is answered at once.
 */
export function vestibule(options: VerifierOptions): (requirement?: Requirement) => Guard {
  const verifier = createVerifier(options);
  return (given = {}) => {
    const requirement = checkRequirement(given);
    return async (context, next) => {
      try {
        context.set('auth', await verifier.authenticate(context.req.raw, requirement));
      } catch (error) {
        if (error instanceof AuthError) {
          return error.toResponse();
        }
        throw error;
      }
      return next();
    };
  };
}
