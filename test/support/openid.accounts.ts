import { randomBytes } from 'node:crypto';
import type { Account, AccountClaims } from 'oidc-provider';

/** Somebody with an account at the OpenID provider; the claims are in its ID tokens and at /userinfo by scope. */
export interface OpenIdAccount {
  readonly sub: string;
  readonly email: string;
  readonly email_verified: boolean;
  readonly name: string;
  /** URL. */
  readonly picture: string;
  /** Further claims, with the scope `profile`. */
  readonly extra: Readonly<Record<string, unknown>>;
  /** Whether they give a second factor when the relying party asks for one. */
  readonly secondFactor: boolean;
  /** What they type to log in; without one, their name is enough. */
  readonly password?: string;
}

/** Somebody new, with a verified address. */
export function newAccount(profile: Partial<OpenIdAccount> = {}): OpenIdAccount {
  const id = randomBytes(6).toString('hex');
  return {
    sub: `user|${id}`,
    email: `person-${id}@example.org`,
    email_verified: true,
    name: `Person ${id}`,
    picture: `https://pictures.example.org/${id}.png`,
    extra: { department: 'Engines' },
    secondFactor: false,
    ...profile,
  };
}

/** Claims of an account that these scopes show. */
export function claimsOf(account: OpenIdAccount, scope: string): AccountClaims {
  const scopes = new Set(scope.split(' '));
  const { sub, email, email_verified, name, picture, extra } = account;
  return {
    sub,
    ...(scopes.has('email') ? { email, email_verified } : {}),
    ...(scopes.has('profile') ? { name, picture, ...extra } : {}),
  };
}

/** The account as the provider asks for it. */
export function toProviderAccount(account: OpenIdAccount): Account {
  return { accountId: account.sub, claims: (_use, scope) => claimsOf(account, scope) };
}
