import { SetMetadata } from '@nestjs/common';

/** Metadata key of {@link RequireAuthAge}. */
export const AUTH_AGE = 'vestibule:auth-age';
/** Metadata key of {@link RequireRecentLogin}. */
export const RECENT_LOGIN = 'vestibule:recent-login';
/** Metadata key of {@link RequireAal2}. */
export const AAL2 = 'vestibule:aal2';

/** Seconds that a user's login takes until the browser is back on the page: a shorter limit could never be met. */
const shortest = 30;
const longest = 365 * 86_400;

/**
 * Opens a route, or all routes of a controller, only to callers who gave credentials at most this long ago (claim `auth_time`).
 * Other callers get `reauthentication_required`, and a browser that loads a page is sent to log in again (RFC 9470). With one on
 * the class and one on the method, both hold. The route needs a session: it can't be `@Public()`.
 * @param seconds whole, from 30 to a year.
 * @throws {RangeError} for any other number, when the class is declared.
 */
export function RequireAuthAge(seconds: number): ReturnType<typeof SetMetadata> {
  if (!Number.isInteger(seconds) || seconds < shortest || seconds > longest) {
    throw new RangeError(`@RequireAuthAge takes whole seconds from ${shortest} to ${longest}`);
  }
  return SetMetadata<string, number>(AUTH_AGE, seconds);
}

/** Whether {@link RequireRecentLogin} holds for a request with this body, which hasn't been validated yet. */
export type RecentLoginRule = (body: unknown) => boolean;

/**
 * Opens a route to a session only if credentials were given within `SENSITIVE_AUTH_AGE`. Unlike {@link RequireAuthAge}, it lets API
 * keys and services through: they have no login that could be renewed, and no script in a page has them.
 * @param when requires it only if the body has this member, or for a rule, if it says so.
 */
export function RequireRecentLogin(when?: string | RecentLoginRule): ReturnType<typeof SetMetadata> {
  const rule: RecentLoginRule =
    typeof when === 'function' ? when : (body) => when === undefined || hasMember(body, when);
  return SetMetadata<string, RecentLoginRule>(RECENT_LOGIN, rule);
}

const hasMember = (body: unknown, member: string): boolean =>
  typeof body === 'object' && body !== null && Object.hasOwn(body, member);

/**
 * Opens a route, or all routes of a controller, only to callers who gave a second factor (claim `acr` is `aal2`). Other
 * callers get `reauthentication_required`, and a browser that loads a page is sent to give it (RFC 9470). The route needs a
 * session: it can't be `@Public()`.
 */
export const RequireAal2 = (): ReturnType<typeof SetMetadata> => SetMetadata<string, true>(AAL2, true);
