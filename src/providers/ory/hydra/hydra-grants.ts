import { Injectable, Logger } from '@nestjs/common';
import { allDone } from '../../../platform/core/settled.js';
import { RevocationService } from '../../../session/revocation/revocation.service.js';
import { AddedConsents } from './added-consents.js';
import { ApplicationUses } from './application-uses.js';
import { HydraClient } from './hydra.client.js';
import { gatewayClientId, isOwnClient } from './hydra-clients.js';
import type { GrantedConsent } from './hydra.schemas.js';

/** Ends what people have allowed applications: Hydra's consents, with our record of when the applications were used. */
@Injectable()
export class HydraGrants {
  readonly #logger = new Logger(HydraGrants.name);

  constructor(
    private readonly hydra: HydraClient,
    private readonly uses: ApplicationUses,
    private readonly revocations: RevocationService,
    private readonly added: AddedConsents,
  ) {}

  /** Ends what an application may do for an identity: its consents, access tokens and refresh tokens. One without any is no error. */
  async revoke(subject: string, applicationId: string): Promise<void> {
    await this.#end(subject, applicationId, await this.#grantIds(subject, applicationId));
  }

  async #end(subject: string, applicationId: string, grantIds: readonly string[]): Promise<void> {
    await this.hydra.revokeGrants(subject, applicationId);
    await this.uses.removeOf(subject, applicationId);
    await this.added.end(subject, applicationId);
    // Hydra's own tokens end with its consents. Those for a protected resource are ours, and verified without asking.
    for (const grantId of grantIds) {
      await this.revocations.endGrant(grantId);
    }
  }

  /** Ids of the consents for protected resources. If they can't be read, an access is still revoked: its tokens live for minutes. */
  async #grantIds(subject: string, applicationId: string): Promise<readonly string[]> {
    try {
      return grantIdsIn(await this.hydra.grants(subject), applicationId);
    } catch (error) {
      this.#logger.warn('tokens of resources outlive the access that was revoked', {
        reason: 'grants_unreadable',
        err: error,
      });
      return [];
    }
  }

  /** Ends what all applications may do for a person, and their logins at Hydra; applications with back-channel logout learn of it. */
  async endAccess(subject: string): Promise<void> {
    await this.hydra.endAccess(subject);
    await this.#forget(subject);
  }

  /** Ends what all applications may do for a person, and the logins by which Hydra remembers them, without a notice. */
  async revokeAll(subject: string): Promise<void> {
    await this.hydra.forgetPerson(subject);
    await this.#forget(subject);
  }

  async #forget(subject: string): Promise<void> {
    await this.uses.removeOf(subject);
    await this.added.forget(subject);
  }

  /**
   * Ends what first-party applications may do for a person, and our own: nobody is asked about them, so that no list has them to revoke.
   * @param except id of the login at its source that stays: an application that is used in no other one goes on.
   */
  async endUnasked(subject: string, except?: string): Promise<void> {
    const unasked = (await this.hydra.grants(subject)).filter((consent) => !isAsked(consent));
    // Of a consent that is remembered, Hydra doesn't list the later logins.
    const ended = unasked.filter(
      ({ session, remember }) =>
        except === undefined || remember === true || session?.access_token?.kratos_session_id !== except,
    );
    // The gateway discards its own tokens as soon as it has a session for them.
    const ids = new Set(ended.map(({ consent_request: { client } }) => client.client_id));
    ids.delete(gatewayClientId);
    await allDone([...ids].map(async (id) => this.#end(subject, id, grantIdsIn(unasked, id))));
  }
}

/** Ids of the consents for protected resources that one application has. */
function grantIdsIn(consents: readonly GrantedConsent[], applicationId: string): readonly string[] {
  return consents
    .filter(({ consent_request: { client } }) => client.client_id === applicationId)
    .flatMap(({ session }) => session?.access_token?.grant_id ?? []);
}

/** Whether a consent is one that the person was asked for: what is part of the product asks for none. */
export function isAsked({ consent_request: { client } }: GrantedConsent): boolean {
  return client.skip_consent !== true && !isOwnClient(client.client_id);
}
