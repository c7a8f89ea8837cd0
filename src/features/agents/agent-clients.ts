import { randomUUID } from 'node:crypto';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { z } from 'zod';
import { resembles } from '../../auth-strategy/application-name.js';
import { isReservedName } from '../../auth-strategy/reserved-names.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { OryConfiguration } from '../../platform/config/configuration.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { Clock } from '../../platform/time/clock.service.js';
import {
  type AgentClient,
  agentKinds,
  agentOf,
  hydraIdOf,
  isDocumentUrl,
} from '../../providers/ory/hydra/agent-client.js';
import { ClientRepository } from '../../providers/ory/hydra/client.repository.js';
import { HydraClient } from '../../providers/ory/hydra/hydra.client.js';
import { type HydraClientRecord, recordOf } from '../../providers/ory/hydra/hydra-clients.js';
import { ClientDocuments } from './client-documents.js';
import { type ClientMetadata, ClientMetadataError } from './client-metadata.js';
import { ResourceRegistry } from '../../providers/ory/hydra/resource-registry.js';

const oneDay = 86_400_000;
/** Milliseconds after which a client is removed that no user has agreed to, and one that has got no token since. */
const [keptUnused, keptUsed] = [oneDay, 90 * oneDay];

/** Clients of each kind that may wait for a first use: a bound on what outsiders can make Hydra keep. */
const mostUnused = 1000;

/**
 * Milliseconds for which a new client of a document keeps its place: its user may be reading the consent page. Later, it may be removed
 * for another one, because it's made again when its user comes.
 */
const placeKept = 3_600_000;

/** The owner of such clients at Hydra, by which they are listed. */
const agentOwner = 'agents';

const clientSchema = z.looseObject({
  client_id: z.string(),
  client_name: z.string().nullish(),
  metadata: z.unknown().optional(),
});

/**
 * Clients that no administrator registered: agents above all. Each is a client at Hydra that is never first-party, has no secret, and
 * whose consent page states that it isn't verified.
 */
@Injectable()
export class AgentClients {
  readonly #logger = new Logger(AgentClients.name);
  readonly #brand: string;

  constructor(
    private readonly hydra: HydraClient,
    private readonly index: ClientRepository,
    private readonly documents: ClientDocuments,
    private readonly resources: ResourceRegistry,
    private readonly clock: Clock,
    @Inject(CONFIGURATION) { BRAND_NAME }: OryConfiguration,
  ) {
    this.#brand = BRAND_NAME;
  }

  /**
   * The client of an authorization request.
   * @param admitNew is called before a document is read for a client that isn't known yet: anyone can make up any number of them, and
   *   each stays for a day.
   * @returns undefined for one that is unknown.
   * @throws {ClientMetadataError}; what `admitNew` throws
   */
  async find(clientId: string, admitNew: () => Promise<void>): Promise<HydraClientRecord | undefined> {
    const id = hydraIdOf(clientId);
    const kept = await this.hydra.client(id);
    const known = clientSchema.safeParse(kept).data;
    const agent = known && agentOf(known);
    // Also by its id at Hydra: what its document no longer states isn't true any more.
    const url = agent?.kind === 'metadata_document' ? agent.clientId : clientId;
    if (isDocumentUrl(url)) {
      if (known === undefined) {
        await admitNew();
      }
      const metadata = await this.documents.read(url);
      await this.#requireName(metadata);
      if (known === undefined) {
        await this.#makeRoom();
      }
      const own = { kind: 'metadata_document', id, clientId: url } as const;
      await this.#keep(known, own, metadata);
      return { id, redirectUris: metadata.redirectUris, refreshes: metadata.refreshes };
    }
    if (agent !== undefined) {
      // Its name may be that of an application which is first-party since.
      await this.#requireName({ name: known?.client_name || null });
    }
    return recordOf(kept);
  }

  /**
   * Registers a client that describes itself (RFC 7591).
   * @returns its `client_id`, and when it was issued, in milliseconds since the epoch.
   * @throws {ClientMetadataError} @throws {Problem} `overloaded` when too many wait for their first use.
   */
  async register(metadata: ClientMetadata): Promise<{ clientId: string; issuedAt: number }> {
    await this.#requireName(metadata);
    await this.#requireRoom('registration');
    const clientId = `dcr-${randomUUID()}`;
    const agent: AgentClient = { kind: 'registration', id: clientId, clientId };
    await this.#put(agent, metadata);
    try {
      await this.hydra.createClient(this.#definition(agent, metadata));
    } catch (error) {
      // Hydra may have it, although its answer didn't arrive.
      await this.#remove(clientId);
      throw asRefusal(error);
    }
    return { clientId, issuedAt: this.clock.now() };
  }

  /** Removes those that are of no use any more. One that can't be removed now doesn't keep the others. @returns how many. */
  async removeUnused(): Promise<number> {
    const now = this.clock.now();
    let removed = 0;
    for (const kind of agentKinds) {
      for (const id of await this.index.unused(kind, now - keptUnused, now - keptUsed)) {
        removed += (await this.#remove(id)) ? 1 : 0;
      }
    }
    return removed;
  }

  /** @returns whether it is gone. */
  async #remove(id: string): Promise<boolean> {
    try {
      await this.hydra.removeClient(id);
      await this.index.remove(id);
      return true;
    } catch (error) {
      this.#logger.warn('an unused client cannot be removed', { reason: 'agent_not_removed', err: error });
      return false;
    }
  }

  /** Removes the oldest unused client of a document if there are too many. @throws {Problem} `overloaded` if all of them are new. */
  async #makeRoom(): Promise<void> {
    if ((await this.index.countUnused('metadata_document')) >= mostUnused) {
      const oldest = await this.index.oldestUnused('metadata_document', this.clock.now() - placeKept);
      if (oldest !== undefined) {
        await this.#remove(oldest);
      }
      await this.#requireRoom('metadata_document');
    }
  }

  /** @throws {Problem} `overloaded` when too many of a kind wait for their first use. */
  async #requireRoom(kind: AgentClient['kind']): Promise<void> {
    if ((await this.index.countUnused(kind)) >= mostUnused) {
      throw new Problem('overloaded', {
        reason: 'too_many_registrations',
        headers: { 'retry-after': '3600' },
      });
    }
  }

  /** Refuses a name by which users could take the client for a part of the product. @throws {ClientMetadataError} */
  async #requireName({ name }: Pick<ClientMetadata, 'name'>): Promise<void> {
    if (name === null) {
      return;
    }
    const trusted = (await this.index.productNames()).map((own) => own.name);
    if ([this.#brand, ...trusted].some((own) => resembles(name, own))) {
      throw new ClientMetadataError('client_name resembles the name of an application of this deployment');
    }
    if (isReservedName(name, this.#brand)) {
      throw new ClientMetadataError('client_name is reserved for this deployment');
    }
  }

  async #put({ id, kind }: AgentClient, { name }: ClientMetadata): Promise<void> {
    const createdAt = this.clock.now();
    await this.index.put({ id, kind, orgId: null, name: name ?? '', isFirstParty: false, createdAt });
  }

  #definition(agent: AgentClient, { name, redirectUris, refreshes }: ClientMetadata) {
    return {
      client_id: agent.id,
      client_name: name ?? '',
      owner: agentOwner,
      grant_types: ['authorization_code', ...(refreshes ? ['refresh_token'] : [])],
      response_types: ['code'],
      redirect_uris: [...redirectUris],
      scope: [...this.resources.scopes, 'offline_access'].join(' '),
      audience: [...this.resources.identifiers],
      token_endpoint_auth_method: 'none',
      skip_consent: false,
      skip_logout_consent: false,
      metadata: {
        agent: {
          kind: agent.kind,
          client_id: agent.clientId,
        },
      },
    };
  }

  /** Creates the client at Hydra, or brings it up to date. @param known as Hydra has it; undefined for a new one. */
  async #keep(known: object | undefined, agent: AgentClient, metadata: ClientMetadata): Promise<void> {
    const definition = this.#definition(agent, metadata);
    const isCurrent =
      known !== undefined &&
      Object.entries(definition).every(
        ([name, value]) => JSON.stringify(Reflect.get(known, name)) === JSON.stringify(value),
      );
    if (!isCurrent) {
      await this.#put(agent, metadata);
      try {
        await this.hydra.ensureClient(definition);
      } catch (error) {
        throw asRefusal(error);
      }
    }
  }
}

/** The error to throw in place of one of Hydra's. */
function asRefusal(error: unknown): unknown {
  return error instanceof Problem && error.code === 'validation_failed'
    ? new ClientMetadataError('what it states about itself is not accepted')
    : error;
}
