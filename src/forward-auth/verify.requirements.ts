import type { FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { Problem } from '../platform/errors/problem.error.js';
import { isScopeToken } from '../platform/core/scope.form.js';
import type { AccessRequirement, VerificationPage } from '../session/guards/authorization.js';
import { fullScope, isKnownOrForeign, scopeTokens } from '../session/guards/scopes.js';
import { pathPrefix } from './original.request.js';

/** The path segment that requires only a session. A segment can't be empty, unlike a query. */
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
 * The requirements that a proxy's configuration can have. Unknown, repeated or malformed requirements are refused, so that a
 * typing error never grants access.
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
  cookies: z.literal('application', { error: 'must be application' }).optional(),
});

/** The requirements that a caller must meet, how a refusal is answered, and what the upstream gets. */
export type Requirements = z.output<typeof requirementsSchema>;

/** Parsed requirements by their text. The proxies of a deployment use only a handful of texts. */
const known = new LRUCache<string, Requirements>({ max: 100 });

/** The requirements in a query, or in the segment after `/auth/verify/`. @throws {Problem} `validation_failed` */
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

/** The pairs of a query or segment; undefined if a name is repeated, or there is no pair and that isn't allowed. */
function pairsOf(text: string, mayBeEmpty: boolean): Readonly<Record<string, string>> | undefined {
  const pairs = [...new URLSearchParams(text)];
  const isOnce = new Set(pairs.map(([name]) => name)).size === pairs.length;
  return isOnce && (mayBeEmpty || pairs.length > 0) ? Object.fromEntries(pairs) : undefined;
}

/**
 * What the caller's claims must have to meet these requirements. Without `scope`, the scope `api` is required, which is the full
 * authority of the person. An API key with less is accepted only if the requirements name its scope.
 * @param page the page on which an address is verified, for the refusal of an unverified one.
 */
export function accessRequirementOf(
  { role, scope, org, org_role: orgRole, verified }: Requirements,
  page: VerificationPage = {},
): AccessRequirement {
  return { role, org, orgRole, scopes: scope ?? [fullScope], verifiedEmail: verified && page };
}
