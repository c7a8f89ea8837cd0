/** The entry point of `@vestibule-auth/express`: guards the routes of an Express application with the tokens of a Vestibule gateway. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  AuthError,
  type Caller,
  type Requirement,
  type VerifierOptions,
  checkRequirement,
  createVerifier,
} from '@vestibule-auth/verify';

declare global {
  namespace Express {
    interface Request {
      /** Who calls; set by the guard, so there is none on a route without one. */
      auth: Caller;
    }
  }
}

/** Express middleware. */
export type Guard = (
  request: IncomingMessage & { auth?: Caller },
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void | Promise<void>;

/**
 * Makes the guards of an application: `const guard = vestibule({ issuer, audience })`, then `app.get('/', guard(), …)` for one route
 * or `app.use(guard())` for all that come after it. A request without a live token that meets the requirement is answered at once.
 */
export function vestibule(options: VerifierOptions): (requirement?: Requirement) => Guard {
  const verifier = createVerifier(options);
  return (given = {}) => {
    const requirement = checkRequirement(given);
    const wait: Guard = async (request, response, next) => {
      try {
        request.auth = await verifier.authenticate(request, requirement);
      } catch (error) {
        if (error instanceof AuthError && !response.headersSent) {
          response.writeHead(error.status, error.headers).end(JSON.stringify(error));
        } else {
          next(error);
        }
        return;
      }
      next();
    };
    return (request, response, next) => {
      const known = verifier.recall(request, requirement);
      if (known === undefined) {
        return wait(request, response, next);
      }
      request.auth = known;
      return next();
    };
  };
}
