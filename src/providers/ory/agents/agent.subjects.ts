import { Inject, Injectable } from '@nestjs/common';
import type { Account } from '../../../directory/users/account.query.js';
import { UserDirectory } from '../../../directory/users/user.directory.js';
import { UsersService } from '../../../directory/users/users.service.js';
import { CONFIGURATION } from '../../../platform/config/config.module.js';
import type { OryConfiguration } from '../../../platform/config/configuration.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import { IdentitySource } from '../sources/identity.source.js';
import { OAuthRefusal } from './oauth.refusal.js';

/** The users for whom agents act. */
@Injectable()
export class AgentSubjects {
  readonly #sources: IdentitySource;
  readonly #directory: UserDirectory;
  readonly #users: UsersService;
  readonly #requiresEmail: boolean;

  constructor(
    sources: IdentitySource,
    directory: UserDirectory,
    users: UsersService,
    @Inject(CONFIGURATION) { REQUIRE_VERIFIED_EMAIL }: OryConfiguration,
  ) {
    this.#sources = sources;
    this.#directory = directory;
    this.#users = users;
    this.#requiresEmail = REQUIRE_VERIFIED_EMAIL;
  }

  /** The account of an identity, as it is now. @throws {OAuthRefusal} `invalid_grant` if it may not be used any more. */
  async require(subject: string): Promise<Account> {
    const [found, user] = await Promise.all([this.#sources.findUser(subject), this.#userOf(subject)]);
    if (found?.isActive !== true || user === undefined) {
      throw new OAuthRefusal('invalid_grant', 'the user is gone or disabled', 'agent_subject_gone');
    }
    const account = await this.#account(user.id);
    if (this.#requiresEmail && !account.user.emailVerified) {
      throw new OAuthRefusal('invalid_grant', 'the user must verify their address first', 'email_unverified');
    }
    return account;
  }

  async #userOf(subject: string): Promise<{ readonly id: string } | undefined> {
    const issuer = await this.#sources.issuerOf(subject);
    return issuer === undefined ? undefined : this.#directory.findByIdentity(issuer, subject);
  }

  async #account(id: string): Promise<Account> {
    try {
      return await this.#users.requireAccount(id, null);
    } catch (error) {
      if (error instanceof Problem && error.code === 'unauthenticated') {
        throw new OAuthRefusal('invalid_grant', 'the user is gone or disabled', 'agent_subject_disabled');
      }
      throw error;
    }
  }
}
