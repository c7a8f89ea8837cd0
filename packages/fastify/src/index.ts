/** The entry point of `@vestibule-auth/fastify`: guards the routes of a Fastify application with the tokens of a Vestibule gateway. */
import {
  AuthError,
  type Caller,
  type Requirement,
  type VerifierOptions,
  checkRequirement,
  createVerifier,
} from '@vestibule-auth/verify';
import type { FastifyReply, FastifyRequest } from 'fastify';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls; set by the guard, so there is none on a route without one. */
    auth: Caller;
  }
}

/** A Fastify hook. It calls `done`, or returns a promise if there is something to wait for. */
export type Guard = (
  request: FastifyRequest,
  reply: FastifyReply,
  done: () => void,
) => void | Promise<unknown>;

/**
 * Makes the guards of an application: `const guard = vestibule({ issuer, audience })`, then `app.get('/', { onRequest: guard() }, …)`
 * for one route or `app.addHook('onRequest', guard())` for all. A request without a live token that meets the requirement is answered
 * at once.
 */
export function vestibule(options: VerifierOptions): (requirement?: Requirement) => Guard {
  const verifier = createVerifier(options);
  return (given = {}) => {
    const requirement = checkRequirement(given);
    const wait = async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
      try {
        request.auth = await verifier.authenticate(request.raw, requirement);
        return undefined;
      } catch (error) {
        if (!(error instanceof AuthError)) {
          throw error;
        }
        return reply.code(error.status).headers(error.headers).send(JSON.stringify(error));
      }
    };
    return (request, reply, done) => {
      const known = verifier.recall(request.raw, requirement);
      if (known === undefined) {
        return wait(request, reply);
      }
      request.auth = known;
      return done();
    };
  };
}
