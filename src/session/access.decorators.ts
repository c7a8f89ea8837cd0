import { type ExecutionContext, SetMetadata, createParamDecorator } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Problem } from '../core/problem.error.js';
import { type Principal, principalOf } from './principal.js';

/** Metadata key of {@link Public} and {@link OptionalSession}. */
export const ACCESS = 'vestibule:access';

/** How far a route is open: to anybody without a look at the session, or to anybody with a look. */
export type Access = 'public' | 'optional';

/** Opens a route to everybody; nobody looks for a session. */
export const Public = (): ReturnType<typeof SetMetadata> => SetMetadata<string, Access>(ACCESS, 'public');

/** Opens a route to everybody; who has a live session is known to `@CurrentUser({ optional: true })`. */
export const OptionalSession = (): ReturnType<typeof SetMetadata> =>
  SetMetadata<string, Access>(ACCESS, 'optional');

/**
 * Parameter decorator: the caller's {@link Principal}.
 * With `{ optional: true }`, on an `@OptionalSession()` route, it's undefined when nobody is logged in.
 */
export const CurrentUser = createParamDecorator(
  (options: { readonly optional: true } | undefined, context: ExecutionContext): Principal | undefined => {
    const principal = principalOf(context.switchToHttp().getRequest<FastifyRequest>());
    if (principal === undefined && options?.optional !== true) {
      throw new Problem('unauthenticated', { reason: 'no_principal' });
    }
    return principal;
  },
);
