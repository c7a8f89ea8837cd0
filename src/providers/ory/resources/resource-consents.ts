import { Inject, Injectable } from '@nestjs/common';
import type { ProviderIdentity } from '../../../directory/users/identity.js';
import { UserProvisioning } from '../../../login/user-provisioning.js';
import { CONFIGURATION } from '../../../platform/config/config.module.js';
import type { OryConfiguration } from '../../../platform/config/configuration.js';
import type { ProtectedResource } from '../../../platform/config/protected-resources.parser.js';
import { newId } from '../../../platform/core/identifier.js';
import type { ClientInfo } from '../../../platform/http/client-info.js';
import { Clock } from '../../../platform/time/clock.service.js';
import { type AgentClient, agentOf } from '../hydra/agent-client.js';
import { ClientRepository } from '../hydra/client.repository.js';
import type { ConsentRequest, LoginContext } from '../hydra/hydra.schemas.js';
import { ResourceRegistry } from './resource-registry.js';

/** Milliseconds for which a use of a client that registered itself isn't noted again. */
const noted = 86_400_000;

/** What a consent for a protected resource is about. */
export interface ResourceRequest {
  readonly resource: ProtectedResource;
  /** Seconds for which a token is valid. */
  readonly tokenTtl: number;
}

/** A consent, and where the user who gives it is. */
export interface GivenConsent {
  readonly request: ConsentRequest;
  readonly identity: ProviderIdentity;
  readonly client: ClientInfo;
}

/** What consents for protected resources, and for clients that registered themselves, have besides. */
@Injectable()
export class ResourceConsents {
  readonly #tokenTtl: number;

  constructor(
    private readonly resources: ResourceRegistry,
    private readonly index: ClientRepository,
    private readonly provisioning: UserProvisioning,
    private readonly clock: Clock,
    @Inject(CONFIGURATION) { TOKEN_TTL }: OryConfiguration,
  ) {
    this.#tokenTtl = TOKEN_TTL;
  }

  /** The client of a consent, if it registered itself. */
  agentOf({ client }: ConsentRequest): AgentClient | undefined {
    return agentOf(client);
  }

  /** What a consent is about; undefined if it is for no protected resource. */
  describe({ requested_access_token_audience: audience }: ConsentRequest): ResourceRequest | undefined {
    const resource = this.resources.ofAudience(audience);
    return resource && { resource, tokenTtl: this.#tokenTtl };
  }

  /**
   * What the tokens of a consent are made from later; nothing for a consent for no resource. The user gets an account first, because the
   * resource's tokens name it.
   * @throws {Problem} as {@link UserProvisioning.provision}
   */
  async contextOf(consent: GivenConsent): Promise<Pick<LoginContext, 'grant_id' | 'client_id'>> {
    const { request, identity, client } = consent;
    if (this.describe(request) === undefined) {
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
    return {
      grant_id: newId(now),
      client_id: agent?.clientId ?? request.client.client_id,
    };
  }
}
