import { type ExecutionContext, SetMetadata, createParamDecorator } from '@nestjs/common';
import { Problem } from '../core/problem.error.js';
import type { OrgRole } from '../database/database.schema.js';
import { requestOf } from '../http/http.context.js';
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

/** Metadata keys of what a route asks of its caller. */
export const REQUIRED_SCOPES = 'vestibule:scopes';
export const REQUIRED_ROLE = 'vestibule:role';
export const REQUIRED_ORG = 'vestibule:org';
export const REQUIRED_EMAIL = 'vestibule:verified-email';

/**
 * Opens a route only to tokens and API keys with all of these scopes; `api`, which sessions have, covers every one.
 * Others are answered `insufficient_scope` (RFC 6750 section 3.1).
 */
export const RequireScope = (...scopes: readonly string[]): ReturnType<typeof SetMetadata> =>
  SetMetadata<string, readonly string[]>(REQUIRED_SCOPES, scopes);

/** Opens a route to every token and API key, however narrow its scope; without it or `@RequireScope()` a closed route takes `api`. */
export const AnyScope = (): ReturnType<typeof SetMetadata> =>
  SetMetadata<string, readonly string[]>(REQUIRED_SCOPES, []);

/** Opens a route only to administrators of the deployment. */
export const RequireRole = (role: 'admin'): ReturnType<typeof SetMetadata> =>
  SetMetadata<string, 'admin'>(REQUIRED_ROLE, role);

/** Opens a route only to callers with an active organisation, in which they have at least this role. */
export const RequireOrg = (role: OrgRole = 'member'): ReturnType<typeof SetMetadata> =>
  SetMetadata<string, OrgRole>(REQUIRED_ORG, role);

/** Opens a route only to callers whose e-mail address is verified, and to service accounts, which have none. */
export const RequireVerifiedEmail = (): ReturnType<typeof SetMetadata> =>
  SetMetadata<string, EmailDemand>(REQUIRED_EMAIL, 'verified');

/** Opens a route to a session whose address isn't verified yet, where `REQUIRE_VERIFIED_EMAIL` asks for that of every other. */
export const AllowUnverifiedEmail = (): ReturnType<typeof SetMetadata> =>
  SetMetadata<string, EmailDemand>(REQUIRED_EMAIL, 'any');

/** What a route asks of its caller's address. */
export type EmailDemand = 'verified' | 'any';

/**
 * Parameter decorator: the caller's {@link Principal}.
 * With `{ optional: true }`, on an `@OptionalSession()` route, it's undefined when nobody is logged in.
 */
export const CurrentUser = createParamDecorator(
  (options: { readonly optional: true } | undefined, context: ExecutionContext): Principal | undefined => {
    const principal = principalOf(requestOf(context));
    if (principal === undefined && options?.optional !== true) {
      throw new Problem('unauthenticated', { reason: 'no_principal' });
    }
    return principal;
  },
);
