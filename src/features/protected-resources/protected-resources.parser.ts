import { z } from 'zod';
import { isLoopbackHost } from '../../platform/core/loopback.js';
import { isScopeToken } from '../../platform/core/scope.form.js';
import { parseJson } from '../../platform/config/json.parser.js';
import { type ProtectedResource, resourceOf } from '../../providers/ory/hydra/protected-resource.js';

/** Scopes that have a meaning at the authorization server itself. */
export const ownScopes: ReadonlySet<string> = new Set([
  'openid',
  'profile',
  'email',
  'offline',
  'offline_access',
]);
const longestText = 200;

const entrySchema = z.strictObject({
  resource: z.string().max(500),
  resource_name: z.string().trim().min(1).max(longestText).optional(),
  scopes: z.record(z.string(), z.string().trim().min(1).max(longestText)).default({}),
});

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
