import { Logger } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { AuditService } from '../../../directory/audit/audit.service.js';
import type { ProviderIdentity } from '../../../directory/users/identity.js';
import { clientInfoOf } from '../../../platform/http/client-info.js';
import type { ApplicationAdmission } from '../challenges/application-admission.js';
import type { HydraClient } from '../hydra/hydra.client.js';
import type { HydraGrants } from '../hydra/hydra-grants.js';
import type { ActiveToken } from '../hydra/hydra.schemas.js';
import type { IdentitySource, SourceUser } from '../sources/identity-source.js';

/** A token that an application has of a user. */
type UserToken = Pick<ActiveToken, 'sub' | 'client_id'>;

/** Whether a user may still use an application, when it asks for tokens without them. If they may not, their grant ends. */
export class ApplicationAccess {
  readonly #logger = new Logger(ApplicationAccess.name);

  constructor(
    private readonly hydra: HydraClient,
    private readonly sources: IdentitySource,
    private readonly admission: ApplicationAdmission,
    private readonly grants: HydraGrants,
    private readonly audit: AuditService,
  ) {}

  /**
   * @param known the user, where the caller has just asked the source for them.
   * @returns the client as Hydra has it, and the user's identity; without the identity if they may not use the application.
   * @throws {Problem} `provider_unavailable`
   */
  async judge(
    token: UserToken,
    request: FastifyRequest,
    known?: SourceUser,
  ): Promise<{ readonly client: unknown; readonly identity?: ProviderIdentity }> {
    const { hydra, sources, admission } = this;
    const [client, user] = await Promise.all([
      hydra.client(token.client_id),
      known ?? sources.findUser(token.sub),
    ]);
    if (user?.isActive === true) {
      const { identity } = user;
      const outcome = await admission.judge(identity, { client, from: clientInfoOf(request) });
      // An address that must be verified again ends no access: it only holds up the next login.
      if (outcome !== 'refused') {
        return { client, identity };
      }
    }
    await this.#end(token, request);
    return { client };
  }

  async #end({ sub, client_id: clientId }: UserToken, request: FastifyRequest): Promise<void> {
    const { grants, admission, audit } = this;
    await grants.revoke(sub, clientId);
    this.#logger.log('an application lost access to a user whom it no longer admits', {
      reason: 'application_not_admitted',
    });
    await audit.record({
      type: 'application_access_revoked',
      reason: 'no_longer_admitted',
      userId: await admission.userIdOf(sub),
      target: { kind: 'application', id: clientId },
      actor: { id: null, credential: 'system' },
      requestId: request.id,
      remoteAddress: request.ip,
    });
  }
}
