import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { PresentedCredential } from '../../oidc/client-authentication.js';
import { unavailable } from '../../../platform/upstream/vendor-call.js';
import { hydraIdOf } from '../hydra/agent-client.js';
import type { ApplicationSecretRepository } from '../hydra/application-secret.repository.js';
import type { ClientRepository } from '../hydra/client.repository.js';
import type { HydraClient } from '../hydra/hydra.client.js';
import { gatewayClientId, isHydraId, isOwnClient } from '../hydra/hydra-clients.js';
import { parametersIn } from './query-limit.js';

const registeredSchema = z.looseObject({ token_endpoint_auth_method: z.string().optional() });

/**
 * Tells a client that isn't registered from one that Hydra can't read, because its database is away: Hydra answers `invalid_client` to
 * both. Call it in an `onSend` hook.
 */
export class ClientOutage {
  /** @param origin of this gateway. */
  constructor(
    private readonly hydra: HydraClient,
    private readonly index: ClientRepository,
    private readonly secrets: ApplicationSecretRepository,
    private readonly origin: string,
  ) {}

  /**
   * An authorization request that Hydra refuses for its client.
   * @param query with which it went to Hydra.
   * @throws {Problem} `provider_unavailable` unless Hydra, asked again, has no such client.
   */
  async settleAuthorization(reply: FastifyReply, query: string): Promise<void> {
    const location = reply.getHeader('location');
    const target = typeof location === 'string' && URL.canParse(location) ? new URL(location) : undefined;
    const isRefused =
      target?.origin === this.origin &&
      target.pathname === '/ui/error' &&
      target.searchParams.get('error') === 'invalid_client';
    const id = parametersIn(query).get('client_id') ?? '';
    if (isRefused && isHydraId(id) && (await this.hydra.client(id)) !== undefined) {
      // It's back.
      throw unavailable('hydra_client_unreadable');
    }
  }

  /**
   * A token request that Hydra refuses for its client. A wrong secret stays one: who guesses learns as much in an outage as otherwise.
   * @throws {Problem} `provider_unavailable` if the client is known here, its secret is right, and Hydra can't be asked about it, or could
   *   not a moment ago: asked again, it has a client with that secret.
   */
  async settleToken(reply: FastifyReply, presented: PresentedCredential | undefined): Promise<void> {
    if (reply.statusCode !== 401 || presented === undefined) {
      return;
    }
    const id = hydraIdOf(presented.id);
    if (await this.#isRight({ ...presented, id })) {
      const client = registeredSchema.optional().parse(await this.hydra.client(id));
      const method = client?.token_endpoint_auth_method;
      if (
        method === presented.method ||
        (method !== undefined && method !== 'none' && presented.secret !== '')
      ) {
        throw unavailable('hydra_client_unreadable');
      }
    }
  }

  /** Whether a credential is right, as far as that is known without Hydra. */
  async #isRight({ id, secret }: PresentedCredential): Promise<boolean> {
    if (isOwnClient(id)) {
      return id !== gatewayClientId && secret === '';
    }
    if (!isHydraId(id)) {
      return false;
    }
    const isCurrent = await this.secrets.isCurrent(id, secret);
    return isCurrent ?? (secret === '' && (await this.index.known([id])).has(id));
  }
}
