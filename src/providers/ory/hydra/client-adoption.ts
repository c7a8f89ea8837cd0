import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { z } from 'zod';
import { UserDirectory } from '../../../directory/users/user-directory.js';
import { Clock } from '../../../platform/time/clock.service.js';
import { agentOf } from './agent-client.js';
import { ClientRepository, type IndexedClient } from './client.repository.js';
import { applicationOf, indexed } from './hydra-applications.js';
import { HydraClient } from './hydra.client.js';
import { isOwnClient } from './hydra-clients.js';

/** Milliseconds until the next attempt. */
const retryAfter = 30_000;

const clientSchema = z.looseObject({
  client_id: z.string(),
  client_name: z.string().nullish(),
  skip_consent: z.boolean().nullish(),
  metadata: z.unknown().optional(),
});

/**
 * Completes the index of Hydra's clients at each start: with those that an operator registered there as first-party, whose names no
 * other may have, and with those that were made before a backup of this database was restored.
 */
@Injectable()
export class ClientAdoption implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #logger = new Logger(ClientAdoption.name);
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(
    private readonly hydra: HydraClient,
    private readonly index: ClientRepository,
    private readonly users: UserDirectory,
    private readonly clock: Clock,
  ) {}

  onApplicationBootstrap(): void {
    void this.#attempt();
  }

  onModuleDestroy(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  /** Reads all clients of Hydra's, and adds those that are missing. */
  async adopt(): Promise<void> {
    for await (const page of this.hydra.clients()) {
      const clients = page.flatMap((client) => this.#indexed(client) ?? []);
      const known = await this.index.known(clients.map(({ id }) => id));
      for (const client of clients) {
        const isOrphan = client.orgId !== null && !(await this.users.hasOrg(client.orgId));
        const before = known.get(client.id);
        // An application whose metadata is gone stays one: as a client of an operator's, it would be open to everyone.
        const isRenewed = client.kind === 'other' && before === 'other';
        if (!isOrphan && (before === undefined || isRenewed)) {
          await this.index.put(client);
        }
      }
    }
  }

  async #attempt(): Promise<void> {
    try {
      await this.adopt();
    } catch (error) {
      if (!this.#isStopped) {
        // Ory starts beside the gateway and may be later.
        this.#logger.debug?.('the clients cannot be read yet', { reason: 'clients_unread', err: error });
        this.#timer = setTimeout(() => void this.#attempt(), retryAfter).unref();
      }
    }
  }

  #indexed(client: unknown): IndexedClient | undefined {
    const application = applicationOf(client);
    if (application !== undefined) {
      return indexed(application);
    }
    const { data } = clientSchema.safeParse(client);
    const now = this.clock.now();
    const agent = data && agentOf(data);
    if (agent !== undefined) {
      const name = data?.client_name ?? '';
      // Whether a user has agreed to it isn't known here.
      return { ...agent, orgId: null, name, isFirstParty: false, createdAt: now, usedAt: now };
    }
    return data?.skip_consent === true && data.client_name && !isOwnClient(data.client_id)
      ? {
          id: data.client_id,
          kind: 'other',
          orgId: null,
          name: data.client_name,
          isFirstParty: true,
          createdAt: now,
        }
      : undefined;
  }
}
