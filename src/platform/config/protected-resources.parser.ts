import { z } from 'zod';
import { isLoopbackHost } from '../core/loopback.js';
import { isScopeToken } from '../core/scope.form.js';
import { parseJson } from './json.parser.js';

/** A resource for which tokens are issued: an MCP server or another API (RFC 9728). */
export interface ProtectedResource {
  /** Its resource identifier, and the audience of its tokens: an URL without a slash at its end, unless its path has one. */
  readonly resource: string;
  /** As the consent page calls it. */
  readonly name: string;
  /** Each of its scopes, and what it permits, in plain words. */
  readonly scopes: ReadonlyMap<string, string>;
}

/** Scopes that have a meaning at the authorization server itself. */
const ownScopes: ReadonlySet<string> = new Set(['openid', 'profile', 'email', 'offline', 'offline_access']);
const longestText = 200;

const entrySchema = z.strictObject({
  resource: z.string().max(500),
  resource_name: z.string().trim().min(1).max(longestText).optional(),
  scopes: z.record(z.string(), z.string().trim().min(1).max(longestText)).default({}),
});

/**
 * A resource identifier in the one spelling that is compared: an empty path and `/` are the same (RFC 3986 section 6.2.3).
 * @returns undefined for what can't be one (RFC 8707 section 2): no absolute http(s) URL, or one with a fragment.
 */
export function resourceOf(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isUsable =
    url !== undefined &&
    /^https?:$/.test(url.protocol) &&
    url.username === '' &&
    url.password === '' &&
    !text.includes('#') &&
    !/[\s\\]/.test(text);
  return isUsable ? `${url.origin}${url.pathname === '/' ? '' : url.pathname}${url.search}` : undefined;
}

/** JSON list of resources, each with its scopes → the list. */
export const protectedResources = z.string().transform((text, context) => {
  const parsed = z.array(entrySchema).safeParse(parseJson(text));
  if (!parsed.success) {
    context.addIssue(
      'must be a JSON list of resources: each with resource, an URL, and optionally resource_name and scopes, an object of texts',
    );
    return z.NEVER;
  }
  const found: ProtectedResource[] = [];
  for (const [index, entry] of parsed.data.entries()) {
    const problem = problemOf(entry, found);
    if (problem !== undefined) {
      context.addIssue(`entry ${index + 1} ${problem}`);
    }
    const resource = resourceOf(entry.resource) ?? '';
    found.push({
      resource,
      name: entry.resource_name ?? resource.replace(/^https?:\/\//, ''),
      scopes: new Map(Object.entries(entry.scopes)),
    });
  }
  return found;
});

function problemOf(
  { resource: text, scopes }: z.output<typeof entrySchema>,
  before: readonly ProtectedResource[],
): string | undefined {
  const resource = resourceOf(text);
  if (resource === undefined || resource.includes('?')) {
    return 'must have as its resource an absolute URL without credentials, query or fragment';
  }
  const { protocol, hostname } = new URL(resource);
  if (protocol !== 'https:' && !isLoopbackHost(hostname)) {
    return 'must begin with https, except for localhost and loopback addresses';
  }
  if (before.some((other) => other.resource === resource)) {
    return 'has the resource of an entry before it';
  }
  const names = Object.keys(scopes);
  return names.every((name) => isScopeToken(name) && !ownScopes.has(name))
    ? undefined
    : 'has a scope that is malformed, or one of OpenID Connect';
}
