import { Inject, Injectable } from '@nestjs/common';
import type { OpenInvite } from '../../accounts/invites.js';
import { inviterNameOf } from './inviter-name.js';
import { type SignUpSettings, opensSignUp } from '../../accounts/sign-up-rule.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { InviteRepository } from './invite.repository.js';
import { codeHash } from '../../platform/crypto/one-time-code.js';

/** Looks up open invites, without using them up. */
@Injectable()
export class InviteLookup {
  readonly #settings: SignUpSettings;
  readonly #brand: string;

  constructor(
    private readonly invites: InviteRepository,
    @Inject(CONFIGURATION) settings: Configuration,
  ) {
    this.#settings = settings;
    this.#brand = settings.BRAND_NAME;
  }

  /** The open invite of a token, for pages that name it and for registrations that need one. Pages never show its `email`: a link can leak. */
  async findOpen(token: string): Promise<OpenInvite | undefined> {
    const row = await this.invites.findOpenByHash(codeHash(token));
    if (row === undefined) {
      return undefined;
    }
    const isMailed = row.mailed_at !== null;
    const terms = {
      email: row.email,
      isMailed,
      byAdministrator: row.opens === 1,
      hasAdmitted: row.admitted_user !== null,
    };
    return {
      ...terms,
      id: row.id,
      orgName: row.org_name,
      inviterName: inviterNameOf({ name: row.inviter_name, role: row.inviter_role }, this.#brand),
      role: row.role,
      mailedTo: isMailed ? row.email : null,
      opensSignUp: opensSignUp(this.#settings, terms),
    };
  }
}
