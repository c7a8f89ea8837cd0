import { Injectable } from '@nestjs/common';
import { RateLimits, addressCheck } from '../../directory/rate-limit/rate-limits.js';
import { AuthorizationServer } from '../../session/discovery/authorization-server.js';
import { isAgentId, isDocumentUrl } from '../../providers/ory/hydra/agent-client.js';
import { type HydraClientRecord, isHydraId } from '../../providers/ory/hydra/hydra-clients.js';
import { AddedGates } from '../../providers/ory/proxy/added-gates.js';
import type { Exchange } from '../../providers/ory/proxy/exchange.js';
import { parametersIn, queryOf } from '../../providers/ory/proxy/query-limit.js';
import { clientRefusal } from '../../providers/ory/proxy/self-registered.gate.js';
import { isJudged } from '../protected-resources/resource.gate.js';
import { ResourceRegistry } from '../../providers/ory/hydra/resource-registry.js';
import { AgentClients } from './agent-clients.js';
import { ClientMetadataError } from './client-metadata.js';

/** Admits clients that registered themselves, as they are now, before their authorization requests are judged. */
@Injectable()
export class AgentGate {
  constructor(
    private readonly clients: AgentClients,
    private readonly resources: ResourceRegistry,
    private readonly limits: RateLimits,
    gates: AddedGates,
    server: AuthorizationServer,
  ) {
    gates.add('clients', { name: 'agent', admit: async (exchange) => this.#admit(exchange) });
    server.add(() => (resources.isEmpty ? {} : { client_id_metadata_document_supported: true }));
  }

  /** @throws {Problem} `malformed_request` for a client that can't be used. */
  async #admit(exchange: Exchange): Promise<void> {
    const { request, path } = exchange;
    const asked = parametersIn(queryOf(request.url));
    const clientId = asked.get('client_id') ?? '';
    const isAgent = isDocumentUrl(clientId) || isAgentId(clientId);
    if (path === '/oauth2/auth' && isAgent && isJudged(asked)) {
      exchange.client = await this.#clientOf(clientId, exchange);
    }
  }

  async #clientOf(clientId: string, { request, reply }: Exchange): Promise<HydraClientRecord> {
    try {
      if (isDocumentUrl(clientId) && this.resources.isEmpty) {
        throw new ClientMetadataError('metadata documents are not supported here');
      }
      const isKnowable = isDocumentUrl(clientId) || isHydraId(clientId);
      const found = isKnowable
        ? await this.clients.find(clientId, async () =>
            this.limits.take(reply, [addressCheck(request, 'document-address', 'keep')]),
          )
        : undefined;
      if (found !== undefined) {
        return found;
      }
      throw new ClientMetadataError('it is unknown');
    } catch (error) {
      if (!(error instanceof ClientMetadataError)) {
        throw error;
      }
      request.log.info({ reason: 'client_refused', fault: error.fault, err: error.cause }, error.message);
      throw clientRefusal(error.message, error);
    }
  }
}
