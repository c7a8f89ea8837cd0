import { z } from 'zod';
import { isScopeToken } from '../core/scope.form.js';

/** Whether each of the scopes, separated by blanks, is one. */
function areScopes(text: string): boolean {
  const tokens = text.split(' ').filter((token) => token !== '');
  return tokens.length > 0 && tokens.every(isScopeToken);
}

/**
 * What a proxy's sub-request, or a rule for a host of applications, can require of a caller. Unknown, repeated or malformed requirements
 * are refused, so that a typing error never grants access.
 */
export const accessQuerySchema = z.strictObject({
  role: z.literal('admin', { error: 'must be admin' }).optional(),
  scope: z.string().refine(areScopes, { error: 'must be scopes, with a blank between them' }).optional(),
  org: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, { error: 'must be the slug or id of an organisation' })
    .optional(),
  org_role: z.enum(['member', 'admin', 'owner'], { error: 'must be member, admin or owner' }).optional(),
  verified: z.literal('true', { error: 'must be true' }).optional(),
  acr: z.literal('aal2', { error: 'must be aal2' }).optional(),
});

/** What a caller must meet, by the names of a query. */
export type AccessQuery = z.output<typeof accessQuerySchema>;

/** The pairs of a query; undefined if a name is repeated. */
export function pairsOf(text: string): Readonly<Record<string, string>> | undefined {
  const pairs = [...new URLSearchParams(text)];
  return new Set(pairs.map(([name]) => name)).size === pairs.length ? Object.fromEntries(pairs) : undefined;
}
