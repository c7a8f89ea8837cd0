import { Injectable } from '@nestjs/common';
import { UserProvisioning } from '../../login/user-provisioning.js';
import { newId } from '../../platform/core/identifier.js';
import { Clock } from '../../platform/time/clock.service.js';
import { agentOf } from '../../providers/ory/hydra/agent-client.js';
import type { GivenConsent } from '../../providers/ory/hydra/consent-recorder.js';
import { ClientRepository } from '../../providers/ory/hydra/client.repository.js';
import { parametersIn, queryOf } from '../../providers/ory/proxy/query-limit.js';
import { type ResourceContext, ResourceRegistry } from '../../providers/ory/hydra/resource-registry.js';

/** Milliseconds for which a use of a client that registered itself isn't noted again. */
const noted = 86_400_000;

/** What consents for protected resources, and for clients that registered themselves, have besides. */
@Injectable()
export class ResourceConsents {
  constructor(
    private readonly resources: ResourceRegistry,
    private readonly index: ClientRepository,
    private readonly provisioning: UserProvisioning,
    private readonly clock: Clock,
  ) {}

  /**
   * What the tokens of a consent are made from later; nothing for a consent for no resource. The user gets an account first, because the
   * resource's tokens name it.
   * @throws {Problem} as {@link UserProvisioning.provision}
   */
  async contextOf(consent: GivenConsent): Promise<ResourceContext> {
    const { request, identity, client } = consent;
    if (this.resources.ofAudience(request.requested_access_token_audience) === undefined) {
      return {};
    }
    const agent = agentOf(request.client);
    const { context } = request;
    const evidence = {
      provider: 'ory',
      issuer: identity.issuer,
      subject: identity.subject,
      clientId: request.client.client_id,
      scope: [],
      amr: context.amr,
      acr: context.acr ?? 'aal1',
      authTime: context.auth_time,
      providerSessionId: context.kratos_session_id,
      oidcSid: request.login_session_id ?? null,
    } as const;
    await this.provisioning.provision({ identity, profile: {}, evidence }, {}, client, this.clock.now());
    const now = this.clock.now();
    if (agent !== undefined) {
      // So that it isn't removed.
      await this.index.noteUse(agent.id, now, now - noted);
    }
    const jkt = parametersIn(queryOf(request.request_url)).get('dpop_jkt');
    return {
      ...(jkt === null ? {} : { dpop_jkt: jkt }),
      grant_id: newId(now),
      client_id: agent?.clientId ?? request.client.client_id,
    };
  }
}
