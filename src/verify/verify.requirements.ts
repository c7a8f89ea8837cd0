import type { FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { Problem } from '../core/problem.error.js';
import { isScopeToken } from '../core/scope.form.js';
import { isAtLeast } from '../session/access.guard.js';
import { orgMissing, orgRoleMissing, roleMissing } from '../session/access.refusal.js';
import type { Claims } from '../session/claims.schema.js';
import { assertScope } from '../session/scope.check.js';
import { fullScope, isKnownOrForeign, scopeTokens } from '../session/scopes.js';
import { requireVerifiedEmail } from '../session/verified.email.guard.js';
import { pathPrefix } from './original.request.js';

/** The word for "no more than a session", where requirements stand in a path. */
const nothingMore = 'session';

const scopes = z
  .string()
  .transform(scopeTokens)
  .refine(
    (tokens) => tokens.length > 0 && tokens.every((token) => isScopeToken(token) && isKnownOrForeign(token)),
    {
      error: 'must be scopes, with a blank between them',
    },
  );

/**
 * What a proxy's configuration may ask for. Whatever it has that isn't here, twice, or in another form is refused: a slip
 * of the pen must never open a door.
 */
const requirementsSchema = z.strictObject({
  role: z.literal('admin', { error: 'must be admin' }).optional(),
  scope: scopes.optional(),
  org: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, { error: 'must be the slug or id of an organisation' })
    .optional(),
  org_role: z.enum(['member', 'admin', 'owner'], { error: 'must be member, admin or owner' }).optional(),
  verified: z.literal('true', { error: 'must be true' }).optional(),
  redirect: z.enum(['true', 'false'], { error: 'must be true or false' }).optional(),
});

/** What a caller must have. */
export type Requirements = z.output<typeof requirementsSchema>;

/** What the proxies of a deployment ask for is a handful of texts, parsed once each. */
const known = new LRUCache<string, Requirements>({ max: 100 });

/**
 * What this sub-request asks for: in its query, or in the segment of its path behind `/auth/verify/`.
 * @throws {Problem} `validation_failed`
 */
export function requirementsOf({ url }: FastifyRequest): Requirements {
  const asked = url.startsWith(pathPrefix) ? url.split('/', 4).join('/') : url;
  const found = known.get(asked);
  if (found !== undefined) {
    return found;
  }
  const parsed = parse(givenIn(asked));
  known.set(asked, parsed);
  return parsed;
}

function parse(given: unknown): Requirements {
  const parsed = requirementsSchema.safeParse(given);
  if (parsed.success) {
    return parsed.data;
  }
  throw new Problem('validation_failed', {
    reason: 'verify_requirements',
    errors: parsed.error.issues.slice(0, 20).map(({ path, message }) => ({ field: path.join('.'), message })),
  });
}

function givenIn(asked: string): unknown {
  if (asked.startsWith(pathPrefix)) {
    const segment = asked.slice(pathPrefix.length);
    return segment === nothingMore ? {} : pairsOf(segment, false);
  }
  const [path, query] = [asked.split('?', 1)[0] ?? '', asked.slice(asked.indexOf('?') + 1)];
  return path === '/auth/verify' ? pairsOf(asked.includes('?') ? query : '', true) : undefined;
}

/** Undefined for what isn't one list of different names. */
function pairsOf(text: string, mayBeEmpty: boolean): Readonly<Record<string, string>> | undefined {
  const pairs = [...new URLSearchParams(text)];
  const isOnce = new Set(pairs.map(([name]) => name)).size === pairs.length;
  return isOnce && (mayBeEmpty || pairs.length > 0) ? Object.fromEntries(pairs) : undefined;
}

/**
 * Decides from the claims alone. Without `scope` the whole authority of the person is asked for: a key that was made for
 * less opens only what names its scope.
 * @throws {Problem} `forbidden`, `email_unverified`, `insufficient_scope`
 */
export function requireClaims(
  claims: Claims,
  { role, scope, org, org_role: orgRole, verified }: Requirements,
  verification: { readonly loginUrl?: string } = {},
): void {
  if (verified !== undefined) {
    requireVerifiedEmail(claims, verification);
  }
  if (role !== undefined && claims.roles?.includes(role) !== true) {
    throw roleMissing(role);
  }
  if (org !== undefined && claims.org?.slug !== org && claims.org?.id !== org) {
    throw orgMissing();
  }
  if (orgRole !== undefined && (claims.org === undefined || !isAtLeast(claims.org.role, orgRole))) {
    throw orgRoleMissing(orgRole);
  }
  assertScope(claims, scope ?? [fullScope]);
}
