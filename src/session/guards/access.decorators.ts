import { type ExecutionContext, SetMetadata, applyDecorators, createParamDecorator } from '@nestjs/common';
import type { OrgRole } from '../../platform/database/database.schema.js';
import { type KnownScope, scopeName } from '../../platform/features/scope.catalogue.js';
import { requestOf } from '../../platform/http/http-context.js';
import { type Principal, principalOf, requirePrincipal } from '../principal.js';

/** Metadata key of {@link Public} and {@link OptionalSession}. */
export const ACCESS = 'vestibule:access';

/** How far a route is open: to any caller without a session look-up (`public`), or to any caller with one (`optional`). */
export type Access = 'public' | 'optional';

/** Opens a route to every caller. The guard looks for no session. */
export const Public = (): ReturnType<typeof SetMetadata> => SetMetadata<string, Access>(ACCESS, 'public');

/** Opens a route to every caller. The user of a live session is available as `@CurrentUser({ optional: true })`. */
export const OptionalSession = (): ReturnType<typeof SetMetadata> =>
  SetMetadata<string, Access>(ACCESS, 'optional');

/** Metadata keys of what a route requires of its caller. */
export const REQUIRED_SCOPES = 'vestibule:scopes';
export const REQUIRED_ROLE = 'vestibule:role';
export const REQUIRED_ORG = 'vestibule:org';
export const REQUIRED_EMAIL = 'vestibule:verified-email';
/** Metadata key of {@link AllowWithoutSecondFactor}. */
export const WITHOUT_SECOND_FACTOR = 'vestibule:without-second-factor';

/**
 * Opens a route only to tokens and API keys with all of these scopes; `api`, which sessions have, covers every scope. Other callers
 * get `insufficient_scope` (RFC 6750 section 3.1). A scope is the core's, by its name, or a feature's, by its declaration.
 */
export const RequireScope = (...scopes: readonly KnownScope[]): ReturnType<typeof SetMetadata> =>
  SetMetadata<string, readonly string[]>(REQUIRED_SCOPES, scopes.map(scopeName));

/** Opens a route to every token and API key, however narrow its scope. A closed route without this or `@RequireScope()` requires `api`. */
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

/** Opens a route to a session with an unverified address, although `REQUIRE_VERIFIED_EMAIL` closes the other routes to it. */
export const AllowUnverifiedEmail = (): ReturnType<typeof SetMetadata> =>
  SetMetadata<string, EmailDemand>(REQUIRED_EMAIL, 'any');

/**
 * Opens a route to a session without the second factor that `REQUIRE_SECOND_FACTOR` closes the other routes for: logging in and
 * out, and what leads to a second factor.
 */
export const AllowWithoutSecondFactor = (): ReturnType<typeof SetMetadata> =>
  SetMetadata<string, true>(WITHOUT_SECOND_FACTOR, true);

/** Opens a route to every caller, as `@OptionalSession()` does, and also to a session that other routes are closed to: logging in and out. */
export const AnySession = (): ReturnType<typeof applyDecorators> =>
  applyDecorators(OptionalSession(), AllowUnverifiedEmail(), AllowWithoutSecondFactor());

/** What a route requires of its caller's e-mail address. */
export type EmailDemand = 'verified' | 'any';

/**
 * Parameter decorator: the caller's {@link Principal}. With `{ optional: true }`, on an `@OptionalSession()` route, it is undefined
 * when no user is logged in.
 */
export const CurrentUser = createParamDecorator(
  (options: { readonly optional: true } | undefined, context: ExecutionContext): Principal | undefined =>
    options?.optional === true ? principalOf(requestOf(context)) : requirePrincipal(requestOf(context)),
);
