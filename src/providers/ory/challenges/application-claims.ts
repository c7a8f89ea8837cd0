import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { AccountOwnership } from '../../../accounts/account-ownership.service.js';
import type { ProviderIdentity } from '../../../directory/users/identity.js';
import { UserDirectory, type UserOrg } from '../../../directory/users/user-directory.js';
import { UsersService } from '../../../directory/users/users.service.js';
import { toUser } from '../../../directory/users/user.mapper.js';
import { type PersonFacts, profileOf } from '../../../directory/users/user-profile.js';
import type { Application } from '../../../auth-strategy/application-administration.js';
import { isReservedSlug } from '../../../auth-strategy/reserved-names.js';
import { CONFIGURATION } from '../../../platform/config/config.module.js';
import type { Configuration } from '../../../platform/config/configuration.js';
import { applicationOf } from '../hydra/hydra-applications.js';
import { claimsByScope, rightsClaims } from '../hydra/hydra-claims.js';
import { HydraClient } from '../hydra/hydra.client.js';
import { IdentitySource } from '../sources/identity-source.js';

/** Organisations in a token, the oldest ones: a bound on its size, since applications put it into cookies and URLs. */
const orgsAtMost = 50;

/** Claims about a user by their names. */
export type UserClaims = Readonly<Record<string, unknown>>;

/** A user's rights in this deployment. */
interface Rights {
  readonly isAdministrator: boolean;
  readonly orgs: readonly UserOrg[];
  /** As the claim of this name has them. */
  readonly groups: readonly string[];
}

/** What of an application decides on its `groups`. */
type GroupSettings = Pick<Application, 'orgId' | 'groupsFrom' | 'groupOrgs' | 'groupsAs'>;

/** Nobody has chosen for clients that an operator made at Hydra, and strangers choose the names of their organisations. */
const ofOthers: GroupSettings = { orgId: null, groupsFrom: 'listed', groupOrgs: [], groupsAs: 'slug' };

/** What applications learn about a user, by the scopes that the user granted (OpenID Connect Core section 5.4). */
@Injectable()
export class ApplicationClaims {
  readonly #brand: string;

  constructor(
    private readonly users: UserDirectory,
    private readonly accounts: UsersService,
    private readonly sources: IdentitySource,
    private readonly ownership: AccountOwnership,
    private readonly hydra: HydraClient,
    @Inject(CONFIGURATION) { BRAND_NAME }: Configuration,
  ) {
    this.#brand = BRAND_NAME;
  }

  /**
   * The claims of these scopes.
   * @param identity as `AccountOwnership.judge` returns it. @param clientId of the application that gets them.
   */
  async forScopes(
    identity: ProviderIdentity,
    scopes: readonly string[],
    clientId: string,
  ): Promise<UserClaims> {
    const names = new Set(scopes.flatMap((scope) => claimsByScope.get(scope) ?? []));
    const row = namesRights(names)
      ? await this.users.ofIdentity({ issuer: identity.issuer, subject: identity.subject })
      : undefined;
    const rights = row && (await this.#rightsOf(row, identity.issuer, names, [clientId]));
    return chosen(names, identity, rights ?? nothing);
  }

  /**
   * The same claims as they are now.
   * @param subject of the application's token. @param names of the claims; one that no longer has a value is left out.
   * @param audience of the answer: the application that gets it is among them.
   * @returns undefined if the user is disabled or no longer exists.
   */
  async current(
    subject: string,
    names: ReadonlySet<string>,
    audience: readonly string[],
  ): Promise<UserClaims | undefined> {
    if (!z.uuid().safeParse(subject).success) {
      return undefined;
    }
    const issuer = await this.sources.issuerOf(subject);
    const row = issuer === undefined ? undefined : await this.users.ofIdentity({ issuer, subject });
    if (row === undefined || issuer === undefined) {
      // Users who have only ever logged in at other applications have no account here, only an identity.
      const user = await this.sources.findUser(subject);
      return user?.isActive === true
        ? chosen(names, await this.ownership.judge(user.identity), nothing)
        : undefined;
    }
    return row.disabled_at === null
      ? chosen(names, toUser(row), await this.#rightsOf(row, issuer, names, audience))
      : undefined;
  }

  /** A user's rights, of which a login by the connection of an organisation that can't vouch for them has none. */
  async #rightsOf(
    row: { readonly id: string; readonly role: 'user' | 'admin' },
    issuer: string,
    names: ReadonlySet<string>,
    clients: readonly string[],
  ): Promise<Rights> {
    const rights = {
      isAdministrator: row.role === 'admin',
      orgs: names.has('orgs') ? await this.users.orgsOf(row.id, orgsAtMost) : [],
      groups: names.has('groups') ? await this.#groupsOf(row.id, clients) : [],
    };
    const vouching = namesRights(names) ? await this.accounts.vouchingOrgOf(issuer) : null;
    // Judged after they were read: they may have been given meanwhile.
    const refusal = vouching === null ? undefined : await this.accounts.vouchRefusal(row.id, vouching);
    return refusal === undefined ? rights : nothing;
  }

  /** Groups of a user, as programs compare them: without reserved names that no administrator gave. */
  async #groupsOf(userId: string, clients: readonly string[]): Promise<readonly string[]> {
    const { orgId, groupsFrom, groupOrgs, groupsAs } = await this.#settingsOf(clients);
    const own = orgId === null ? [] : [orgId];
    const only = { all: undefined, own, listed: groupOrgs }[groupsFrom];
    const orgs = await this.users.groupsOf(userId, orgsAtMost, only);
    return orgs
      .filter(({ slug, isByAdministrator: isGiven }) => isGiven || !isReservedSlug(slug, this.#brand))
      .flatMap(({ [groupsAs]: name, role }) => [name, `${name}:${role}`]);
  }

  /** What an application has chosen. Of several clients, all of which get the answer, it is the one that is an application here. */
  async #settingsOf(clients: readonly string[]): Promise<GroupSettings> {
    const found = await Promise.all(clients.map(async (id) => applicationOf(await this.hydra.client(id))));
    return found.find((application) => application !== undefined) ?? ofOthers;
  }
}

const nothing: Rights = { isAdministrator: false, orgs: [], groups: [] };

function namesRights(names: ReadonlySet<string>): boolean {
  return rightsClaims.some((name) => names.has(name));
}

/** The named claims that have a value. */
function chosen(
  names: ReadonlySet<string>,
  person: PersonFacts,
  { isAdministrator, orgs, groups }: Rights,
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
    groups,
  };
  return Object.fromEntries(
    Object.entries(claims).filter(([key, value]) => names.has(key) && value !== null),
  );
}
