import { z } from 'zod';
import { isLoopbackHost } from '../../platform/core/loopback.js';
import { commonFields, domainsOf, fileReader, text } from '../../platform/config/connection-fields.js';
import type { ConnectionSettings } from '../../platform/config/connection-kind.js';
import { durationSeconds, httpUrl } from '../../platform/config/variable.js';

/** An OpenID provider of a company, whose users log in there. */
export interface OidcConnectionSettings extends ConnectionSettings {
  readonly kind: 'oidc';
  readonly issuer: string;
  readonly clientId: string;
  /** Undefined: a public client. */
  readonly clientSecret: string | undefined;
  /** How the secret is sent; undefined: by the provider's metadata. */
  readonly secretMethod?: 'client_secret_basic' | 'client_secret_post' | undefined;
  /** Scopes that are requested, `offline_access` included if it is. */
  readonly scopes: readonly string[];
  /** Whether an address counts as verified although the provider states nothing about that. */
  readonly trustsEmail: boolean;
  /** Whether the provider's `acr` and `amr` are taken over. */
  readonly trustsSecondFactor: boolean;
  readonly groupsClaim: string;
  /** Groups of which a user must be a member; empty: everyone is admitted. */
  readonly allowedGroups: readonly string[];
  /** Seconds; undefined: what holds for every session, or half a day without a refresh token. */
  readonly sessionTtl: number | undefined;
}

/** RFC 6749 section 3.3. */
const scopeToken = z.string().regex(/^[!#-[\]-~]{1,100}$/);

/** An issuer: a slash at the end of its path is part of its name. Over plain http, anyone on the way could be the provider. */
const issuer = z
  .string()
  .refine((text) => {
    const { data } = httpUrl.safeParse(text);
    const url = data === undefined ? undefined : new URL(data);
    return url?.protocol === 'https:' || (url !== undefined && isLoopbackHost(url.hostname));
  })
  .transform((text) => new URL(text).href);

/** An entry of this kind. */
export const oidcSchema = z.strictObject({
  ...commonFields,
  kind: z.literal('oidc'),
  issuer,
  client_id: text,
  client_secret: z.string().min(1).max(1000).optional(),
  client_secret_file: text.optional(),
  token_endpoint_auth_method: z.enum(['client_secret_basic', 'client_secret_post']).optional(),
  scopes: z.array(scopeToken).max(20).default(['openid', 'profile', 'email']),
  offline_access: z.boolean().default(false),
  trust_email: z.boolean().default(false),
  trust_second_factor: z.boolean().default(false),
  groups_claim: text.default('groups'),
  allowed_groups: z.array(text).max(50).default([]),
  session_ttl: z
    .string()
    .refine((given) => durationSeconds(given) !== undefined)
    .optional(),
});

/** Settings of an entry, with the file that it names read. */
export function oidcSettingsOf(
  entry: z.output<typeof oidcSchema>,
  complain: (problem: string) => void,
): OidcConnectionSettings {
  if (entry.client_secret !== undefined && entry.client_secret_file !== undefined) {
    complain('must have either client_secret or client_secret_file, or neither');
  }
  const { scopes, offline_access: isOffline, session_ttl: ttl } = entry;
  return {
    kind: 'oidc',
    id: entry.id,
    name: entry.name,
    domains: domainsOf(entry, complain),
    targets: [entry.issuer],
    issuer: entry.issuer,
    clientId: entry.client_id,
    clientSecret: entry.client_secret ?? fileReader(entry, complain)('client_secret_file'),
    secretMethod: entry.token_endpoint_auth_method,
    scopes: [...new Set(['openid', ...scopes, ...(isOffline ? ['offline_access'] : [])])],
    trustsEmail: entry.trust_email,
    trustsSecondFactor: entry.trust_second_factor,
    groupsClaim: entry.groups_claim,
    allowedGroups: entry.allowed_groups,
    sessionTtl: ttl === undefined ? undefined : durationSeconds(ttl),
  };
}
