/** The entry point of `@vestibule-auth/next`: guards a Next.js application with the tokens of a Vestibule gateway. */
import {
  AuthError,
  type Caller,
  type Requirement,
  type Verifier,
  type VerifierOptions,
  checkRequirement,
  createVerifier,
} from '@vestibule-auth/verify';
import { headers } from 'next/headers';
import { redirect } from 'next/navigation';

/** What `proxy.ts` exports by default. @returns undefined for a request that may go on. */
export type Guard = (request: Request) => Promise<Response | undefined>;

/** What an application guards itself with. */
export interface Vestibule {
  /**
   * Makes the guard of `proxy.ts` (`middleware.ts` before Next.js 16). A request without a live token that meets the requirement is
   * answered at once; a page load that a login helps is sent there.
   */
  guard(requirement?: Requirement): Guard;
  /**
   * Who calls a server component, a server action or a route handler. It verifies the token itself, so that it holds for requests that
   * the proxy hasn't seen, too.
   * @param returnTo path of the page, to which the user comes back from a login. Default: `/`.
   * @throws what Next.js answers with a redirect to log in, or with 401 or 403.
   */
  currentUser(requirement?: Requirement, returnTo?: string): Promise<Caller>;
  /** Wraps a route handler. It is called only for callers who meet the requirement; others are answered at once. */
  readonly protect: Verifier['protect'];
}

/**
 * Makes the guards of an application: `export const { guard, currentUser, protect } = vestibule({ issuer, audience })`.
 * @throws {TypeError} for options that can't be.
 */
export function vestibule(options: VerifierOptions): Vestibule {
  const verifier = createVerifier(options);
  return {
    guard(given = {}) {
      const requirement = checkRequirement(given);
      return async (request) => {
        try {
          await verifier.authenticate(request, requirement);
          return undefined;
        } catch (error) {
          if (!(error instanceof AuthError)) {
            throw error;
          }
          const { pathname, search } = new URL(request.url);
          const location = isPageLoad(request) ? loginFor(error, pathname + search) : undefined;
          return location === undefined
            ? error.toResponse()
            : new Response(null, { status: 302, headers: { location, 'cache-control': 'no-store' } });
        }
      };
    },
    async currentUser(requirement = {}, returnTo = '/') {
      const request = { headers: await headers() };
      try {
        return await verifier.authenticate(request, requirement);
      } catch (error) {
        if (!(error instanceof AuthError)) {
          throw error;
        }
        const location = loginFor(error, returnTo);
        if (location !== undefined) {
          redirect(location);
        }
        // By this, Next.js answers with the status.
        throw Object.assign(error, { digest: `NEXT_HTTP_ERROR_FALLBACK;${error.status}` });
      }
    },
    protect: (handler, requirement) => verifier.protect(handler, requirement),
  };
}

/** Where a login helps. It doesn't help those whose token was refused: they would come back with the same one. */
function loginFor({ reason, code, loginUrl }: AuthError, returnTo: string): string | undefined {
  if (loginUrl === undefined || (code === 'unauthenticated' && reason !== 'token_missing')) {
    return undefined;
  }
  const url = new URL(loginUrl);
  url.searchParams.set('return_to', returnTo);
  return url.href;
}

/** Whether a browser loads a page, as the gateway itself decides it (Fetch Metadata; older browsers by Accept). */
function isPageLoad({ method, headers: sent }: Request): boolean {
  const mode = sent.get('sec-fetch-mode');
  const isRead = method === 'GET' || method === 'HEAD';
  return isRead && (mode === null ? sent.get('accept')?.includes('text/html') === true : mode === 'navigate');
}
