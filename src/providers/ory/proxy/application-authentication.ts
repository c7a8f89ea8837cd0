import { Injectable } from '@nestjs/common';
import type { Application } from '../../../auth-strategy/application-administration.js';
import type { PresentedCredential } from '../../oidc/client-authentication.js';
import { ApplicationSecretRepository } from '../hydra/application-secret.repository.js';
import { applicationOf } from '../hydra/hydra-applications.js';
import { isHydraId } from '../hydra/hydra-clients.js';
import { HydraClient } from '../hydra/hydra.client.js';
import { OAuthRefusal } from './oauth-refusal.js';

/** Authenticates applications at endpoints that Hydra doesn't have, as it does at its own (RFC 6749 section 3.2.1). */
@Injectable()
export class ApplicationAuthentication {
  constructor(
    private readonly hydra: HydraClient,
    private readonly secrets: ApplicationSecretRepository,
  ) {}

  /**
   * @param presented as the gate of secrets has found it.
   * @throws {OAuthRefusal} `invalid_client`; `unauthorized_client` for a client that isn't a registered application.
   */
  async authenticate(presented: PresentedCredential | undefined): Promise<Application> {
    const id = presented?.id ?? '';
    const secret = presented?.secret ?? '';
    const isRight = isHydraId(id) && (secret === '' || (await this.secrets.isCurrent(id, secret)) === true);
    // Hydra isn't asked about a client for anyone who only guesses.
    const client = isRight ? await this.hydra.client(id) : undefined;
    const application = applicationOf(client);
    const lacksSecret =
      application !== undefined && application.tokenEndpointAuthMethod !== 'none' && secret === '';
    if (client === undefined || lacksSecret) {
      throw new OAuthRefusal('invalid_client', 'the client is unknown, or its secret is wrong');
    }
    if (application === undefined) {
      throw new OAuthRefusal(
        'unauthorized_client',
        'the client is not an application that was registered here',
      );
    }
    return application;
  }
}
