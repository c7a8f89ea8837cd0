import 'reflect-metadata';
import { type ExecutionContext, SetMetadata, createParamDecorator } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';
import {
  type Caller,
  type IncomingRequest,
  type OrgRole,
  type Requirement,
  checkRequirement,
} from '@vestibule-auth/verify';

type Places = Parameters<Reflector['getAllAndMerge']>[1];
type RouteDecorator = ReturnType<typeof SetMetadata>;

const ACCESS = 'vestibule:access';
const keyOf = (member: keyof Requirement): string => `vestibule:${member}`;
/** @throws {TypeError} for a value that can't be required, such as one that is missing: it would require nothing. */
const requiring = <Member extends keyof Requirement>(
  member: Member,
  value: NonNullable<Requirement[Member]>,
): RouteDecorator => {
  checkRequirement({ [member]: value });
  return SetMetadata(keyOf(member), value);
};

function missing(decorator: string): never {
  throw new TypeError(`${decorator} was given a role that is undefined`);
}

/** How far a route is open: to any caller without a look at their token (`public`), or to any caller with one (`optional`). */
export type Access = 'public' | 'optional';

/** A request that the guard has seen. */
export type GuardedRequest = IncomingRequest & {
  readonly raw?: IncomingRequest;
  auth?: Caller;
};

/** Opens a route to every caller. The guard looks at no token. */
export const Public = (): RouteDecorator => SetMetadata<string, Access>(ACCESS, 'public');

/** Opens a route to every caller. The user of a live token is available as `@CurrentUser({ optional: true })`. */
export const OptionalSession = (): RouteDecorator => SetMetadata<string, Access>(ACCESS, 'optional');

/** Opens a route only to tokens with all of these scopes; `api`, which sessions have, covers every scope. */
export const RequireScope = (...scopes: readonly [string, ...string[]]): RouteDecorator => {
  if (scopes.length === 0) {
    throw new TypeError('@RequireScope() names a scope; @AnyScope() accepts any');
  }
  return requiring('scope', scopes);
};

/** Opens a route to every token, however narrow its scope. A closed route without this or `@RequireScope()` requires `api`. */
export const AnyScope = (): RouteDecorator => requiring('scope', []);

/** Opens a route only to callers with this role in the deployment. */
export const RequireRole = (role: 'admin'): RouteDecorator => requiring('role', role);

/** Opens a route only to callers with an active organisation, in which they have at least this role. */
export const RequireOrg = (...role: readonly [OrgRole?]): RouteDecorator =>
  requiring('orgRole', role.length === 0 ? 'member' : (role[0] ?? missing('@RequireOrg()')));

/** Opens a route only to callers whose e-mail address is verified, and to service accounts, which have none. */
export const RequireVerifiedEmail = (): RouteDecorator => requiring('verifiedEmail', true);

/** Opens a route only to callers who gave credentials at most this many seconds ago (RFC 9470). */
export const RequireAuthAge = (seconds: number): RouteDecorator => requiring('maxAge', seconds);

/** Opens a route only to callers who gave a second factor (RFC 9470). */
export const RequireAal2 = (): RouteDecorator => requiring('acr', 'aal2');

/**
 * Parameter decorator: who calls, as `{ user, claims }`. With `{ optional: true }`, on an `@OptionalSession()` route, it is undefined
 * when no user is logged in.
 */
export const CurrentUser = createParamDecorator(
  (options: { readonly optional: true } | undefined, context: ExecutionContext): Caller | undefined => {
    const { auth } = context.switchToHttp().getRequest<GuardedRequest>();
    if (auth === undefined && options?.optional !== true) {
      throw new TypeError('@CurrentUser() on a public route: there is no caller');
    }
    return auth;
  },
);

/** How far a route is open. @returns undefined for a closed one. */
export function accessOf(handler: object, controller: object): Access | undefined {
  // Not what a controller inherits: the routes of a class aren't open because those of its parent are.
  return Reflect.getOwnMetadata(ACCESS, handler) ?? Reflect.getOwnMetadata(ACCESS, controller);
}

/** What the decorators of a route and of its controller require. The route's stand for the controller's, except that scopes add up. */
export function requirementOf(reflector: Reflector, places: Places): Requirement {
  const members = ['role', 'orgRole', 'verifiedEmail', 'acr'] as const;
  const found = members.map((member) => [member, reflector.getAllAndOverride(keyOf(member), places)]);
  const ages = reflector.getAll<(number | undefined)[]>(keyOf('maxAge'), places).filter(isSet);
  const scopes = reflector.getAll<(readonly string[] | undefined)[]>(keyOf('scope'), places).filter(isSet);
  return Object.fromEntries([
    ...found.filter(([, value]) => value !== undefined),
    ...(ages.length === 0 ? [] : [['maxAge', Math.min(...ages)]]),
    ...(scopes.length === 0 ? [] : [['scope', scopes.flat()]]),
  ]);
}

function isSet<Value>(value: Value | undefined): value is Value {
  return value !== undefined;
}
