import { Inject, Injectable } from '@nestjs/common';
import type { Account } from '../../directory/users/account.query.js';
import { UserDirectory } from '../../directory/users/user-directory.js';
import { UsersService } from '../../directory/users/users.service.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { OryConfiguration } from '../../platform/config/configuration.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { IdentitySource } from '../../providers/ory/sources/identity-source.js';
import { OAuthRefusal } from '../../providers/ory/proxy/oauth-refusal.js';

/** The users whose tokens of resources are made. */
@Injectable()
export class ResourceSubjects {
  readonly #requiresEmail: boolean;

  constructor(
    private readonly sources: IdentitySource,
    private readonly directory: UserDirectory,
    private readonly users: UsersService,
    @Inject(CONFIGURATION) { REQUIRE_VERIFIED_EMAIL }: OryConfiguration,
  ) {
    this.#requiresEmail = REQUIRE_VERIFIED_EMAIL;
  }

  /** The account of an identity, as it is now. @throws {OAuthRefusal} `invalid_grant` if it may not be used any more. */
  async require(subject: string): Promise<Account> {
    // Read first: what changes while the source is asked, or after, outdates the token.
    const account = await this.#accountOf(subject);
    const found = await this.sources.findUser(subject);
    if (found?.isActive !== true || account === undefined) {
      throw new OAuthRefusal('invalid_grant', 'the user is gone or disabled', 'agent_subject_gone');
    }
    const { user } = account;
    const orgId = found.identity.membership?.orgId;
    if (orgId !== undefined && (await this.users.vouchRefusal(user.id, orgId)) !== undefined) {
      throw new OAuthRefusal(
        'invalid_grant',
        'the user must log in by an account of this site',
        'not_vouched',
      );
    }
    if (this.#requiresEmail && !account.user.emailVerified) {
      throw new OAuthRefusal('invalid_grant', 'the user must verify their address first', 'email_unverified');
    }
    return account;
  }

  async #accountOf(subject: string): Promise<Account | undefined> {
    const issuer = await this.sources.issuerOf(subject);
    const user = issuer === undefined ? undefined : await this.directory.findByIdentity(issuer, subject);
    try {
      return user && (await this.users.requireAccount(user.id, null));
    } catch (error) {
      if (error instanceof Problem && error.code === 'unauthenticated') {
        throw new OAuthRefusal('invalid_grant', 'the user is gone or disabled', 'agent_subject_disabled');
      }
      throw error;
    }
  }
}
