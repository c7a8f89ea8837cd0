import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { CONFIGURATION } from '../../../platform/config/config.module.js';
import type { Configuration } from '../../../platform/config/configuration.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import type { ClientInfo } from '../../../platform/http/client-info.js';
import type { UserRow } from '../../../platform/database/database.schema.js';
import type { ProviderIdentity, VouchedMembership } from '../../../directory/users/identity.js';
import type { Application } from '../../../auth-strategy/application-administration.js';
import { UserDirectory } from '../../../directory/users/user-directory.js';
import { UsersService } from '../../../directory/users/users.service.js';
import { AccountOwnership } from '../../../accounts/account-ownership.service.js';
import { OrgAutoJoin } from '../../../accounts/org-auto-join.port.js';
import { SignUpPolicy } from '../../../accounts/sign-up.policy.js';
import { ClientRepository } from '../hydra/client.repository.js';
import { applicationOf } from '../hydra/hydra-applications.js';
import { IdentitySource, type SourceSession } from '../sources/identity-source.js';

/** Whether a user may go on to an application, or what is missing. */
export type Admission = 'admitted' | 'refused' | 'unverified' | 'factorless';

/** A use of an application that has to be admitted. */
export interface ApplicationUse {
  /** The application as Hydra states it. */
  readonly client: unknown;
  /** Of the login; left out where no user logs in, who could be asked for a second factor. */
  readonly acr?: SourceSession['acr'];
  /** Who sent the request. */
  readonly from: ClientInfo;
}

const clientSchema = z.looseObject({ client_id: z.string() });

/** Decides whether a user of our own login pages may go on to another application, which makes no check of its own. */
@Injectable()
export class ApplicationAdmission {
  readonly #requiresEmail: boolean;

  constructor(
    private readonly signUp: SignUpPolicy,
    private readonly ownership: AccountOwnership,
    private readonly directory: UserDirectory,
    private readonly users: UsersService,
    private readonly sources: IdentitySource,
    private readonly orgs: OrgAutoJoin,
    private readonly clients: ClientRepository,
    @Inject(CONFIGURATION) { REQUIRE_VERIFIED_EMAIL }: Configuration,
  ) {
    this.#requiresEmail = REQUIRE_VERIFIED_EMAIL;
  }

  /**
   * @returns `refused` for an identity that has no account and can't get one, whose account is disabled, or that the application
   *   doesn't admit; `unverified` if a verified address is required, `factorless` if a policy requires a second factor.
   */
  async judge(
    identity: ProviderIdentity,
    { client, acr = 'aal2', from }: ApplicationUse,
  ): Promise<Admission> {
    let user: UserRow | undefined;
    try {
      user =
        (await this.directory.ofIdentity(identity)) ??
        (await this.signUp.requireUser(await this.ownership.judge(identity), from));
    } catch (error) {
      if (error instanceof Problem && error.code === 'signup_refused') {
        return 'refused';
      }
      throw error;
    }
    const { membership } = identity;
    if (user !== undefined && (await this.#isRefused(user, membership))) {
      return 'refused';
    }
    if (user !== undefined && membership !== undefined) {
      await this.orgs.joinByConnection(user.id, membership);
    }
    const application = applicationOf(client);
    const isAdmitted =
      application === undefined
        ? !(await this.#hasLostItsRules(client))
        : await this.#admits(application, user);
    if (!isAdmitted) {
      return 'refused';
    }
    const isVerified = !this.#requiresEmail || (await this.ownership.judge(identity)).emailVerified;
    if (!isVerified) {
      return 'unverified';
    }
    const lacksFactor =
      acr !== 'aal2' && user !== undefined && (await this.#isFactorDue(user.id, application));
    return lacksFactor ? 'factorless' : 'admitted';
  }

  /**
   * Whether a client is an application of ours whose metadata at Hydra is gone, and with it whom the application admits. It isn't known to be
   * open to everyone, as a client is that was made at Hydra itself.
   */
  async #hasLostItsRules(client: unknown): Promise<boolean> {
    const { data } = clientSchema.safeParse(client);
    return data !== undefined && (await this.clients.hasApplication(data.client_id));
  }

  /** Whether an account is disabled, or the organisation whose connection it is can't vouch for it. */
  async #isRefused({ id, disabled_at: disabledAt }: UserRow, vouched?: VouchedMembership): Promise<boolean> {
    return (
      disabledAt !== null ||
      (vouched !== undefined && (await this.users.vouchRefusal(id, vouched.orgId)) !== undefined)
    );
  }

  /** Whether a second factor is due for an application: by the deployment's policy, or by that of the organisation that it belongs to. */
  async #isFactorDue(userId: string, application: Application | undefined): Promise<boolean> {
    const orgId = application?.orgId ?? null;
    const { org, secondFactor, readAt } = await this.users.requireAccount(userId, orgId);
    if (secondFactor === null || readAt < secondFactor.due) {
      return false;
    }
    const isForAdmins =
      orgId === null && application?.access === 'roles' && application.roles.includes('admin');
    return secondFactor.reach.some(
      (reach) =>
        reach === 'session' ||
        (reach === 'role' && isForAdmins) ||
        (reach === 'org' && orgId !== null && org?.id === orgId),
    );
  }

  /** Id of the user whose identity has this subject; undefined if it has no account. */
  async userIdOf(subject: string): Promise<string | undefined> {
    const issuer = await this.sources.issuerOf(subject);
    return issuer === undefined ? undefined : (await this.directory.findByIdentity(issuer, subject))?.id;
  }

  /**
   * Whether an application is open to a user: to everyone, to its organisation's members, or to those with one of its roles. That of a
   * deleted organisation is open to no user: no owner answers for it any more.
   */
  async #admits({ access, orgId, roles }: Application, user: UserRow | undefined): Promise<boolean> {
    if (access === 'everyone') {
      return orgId === null || (await this.directory.hasOrg(orgId));
    }
    if (user === undefined) {
      return false;
    }
    if (orgId === null) {
      return roles.includes(user.role);
    }
    const role = await this.directory.orgRoleOf(user.id, orgId);
    return role !== undefined && (access === 'organisation' || roles.includes(role));
  }
}
