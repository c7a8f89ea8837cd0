import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { AccountOwnership } from '../../../accounts/account-ownership.service.js';
import type { ProviderIdentity } from '../../../directory/users/identity.js';
import { UserDirectory, type UserOrg } from '../../../directory/users/user.directory.js';
import { toUser } from '../../../directory/users/user.mapper.js';
import { type PersonFacts, profileOf } from '../../../directory/users/user.profile.js';
import { claimsByScope } from '../hydra/hydra.claims.js';
import { IdentitySource } from '../sources/identity.source.js';

/** Organisations in a token, the oldest ones: a bound on its size, since applications put it into cookies and URLs. */
const orgsAtMost = 50;

/** Claims about a user by their names. */
export type UserClaims = Readonly<Record<string, unknown>>;

/** A user's rights in this deployment. */
interface Rights {
  readonly isAdministrator: boolean;
  readonly orgs: readonly UserOrg[];
}

/** What applications learn about a user, by the scopes that the user granted (OpenID Connect Core section 5.4). */
@Injectable()
export class ApplicationClaims {
  readonly #users: UserDirectory;
  readonly #sources: IdentitySource;
  readonly #ownership: AccountOwnership;

  constructor(users: UserDirectory, sources: IdentitySource, ownership: AccountOwnership) {
    this.#users = users;
    this.#sources = sources;
    this.#ownership = ownership;
  }

  /** The claims of these scopes. @param identity as `AccountOwnership.judge` returns it. */
  async forScopes(identity: ProviderIdentity, scopes: readonly string[]): Promise<UserClaims> {
    const names = new Set(scopes.flatMap((scope) => claimsByScope.get(scope) ?? []));
    const row = namesRights(names)
      ? await this.#users.ofIdentity({ issuer: identity.issuer, subject: identity.subject })
      : undefined;
    return chosen(names, identity, await this.#rightsOf(row, names));
  }

  /**
   * The same claims as they are now.
   * @param subject of the application's token. @param names of the claims; one that no longer has a value is left out.
   * @returns undefined if the user is disabled or no longer exists.
   */
  async current(subject: string, names: ReadonlySet<string>): Promise<UserClaims | undefined> {
    if (!z.uuid().safeParse(subject).success) {
      return undefined;
    }
    const issuer = await this.#sources.issuerOf(subject);
    const row = issuer === undefined ? undefined : await this.#users.ofIdentity({ issuer, subject });
    if (row === undefined) {
      // Users who have only ever logged in at other applications have no account here, only an identity.
      const user = await this.#sources.findUser(subject);
      return user?.isActive === true
        ? chosen(names, await this.#ownership.judge(user.identity), nothing)
        : undefined;
    }
    return row.disabled_at === null
      ? chosen(names, toUser(row), await this.#rightsOf(row, names))
      : undefined;
  }

  async #rightsOf(
    row: { readonly id: string; readonly role: 'user' | 'admin' } | undefined,
    names: ReadonlySet<string>,
  ): Promise<Rights> {
    if (row === undefined) {
      return nothing;
    }
    const needsOrgs = names.has('orgs') || names.has('groups');
    return {
      isAdministrator: row.role === 'admin',
      orgs: needsOrgs ? await this.#users.orgsOf(row.id, orgsAtMost) : [],
    };
  }
}

const nothing: Rights = { isAdministrator: false, orgs: [] };

function namesRights(names: ReadonlySet<string>): boolean {
  return names.has('roles') || names.has('orgs') || names.has('groups');
}

/** The named claims that have a value. */
function chosen(
  names: ReadonlySet<string>,
  person: PersonFacts,
  { isAdministrator, orgs }: Rights,
): UserClaims {
  const { email, email_verified: isVerified, name, picture } = profileOf(person);
  const claims = {
    email,
    email_verified: email === null ? null : isVerified === 1,
    name,
    picture,
    // As in the augmented token (RFC 9068 section 2.2.3.1), but never left out: an application may rely on an empty list.
    roles: isAdministrator ? ['admin'] : [],
    orgs: orgs.map(({ id, slug, role }) => ({ id, slug, role })),
    groups: orgs.flatMap(({ slug, role }) => [slug, `${slug}:${role}`]),
  };
  return Object.fromEntries(
    Object.entries(claims).filter(([key, value]) => names.has(key) && value !== null),
  );
}
