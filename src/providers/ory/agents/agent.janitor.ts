import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { AgentClients } from './agent.clients.js';

const cycleMilliseconds = 3_600_000;

/** Removes clients that registered themselves and that have fallen out of use. Any number of replicas may run it. */
@Injectable()
export class AgentJanitor implements OnModuleInit, OnModuleDestroy {
  readonly #logger = new Logger(AgentJanitor.name);
  readonly #clients: AgentClients;
  #timer: NodeJS.Timeout | undefined;

  constructor(clients: AgentClients) {
    this.#clients = clients;
  }

  onModuleInit(): void {
    this.#timer = setInterval(() => void this.#cycle(), cycleMilliseconds).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.#timer);
  }

  async #cycle(): Promise<void> {
    try {
      await this.#clients.removeUnused();
    } catch (error) {
      this.#logger.warn('unused clients cannot be removed', { reason: 'agent_purge_failed', err: error });
    }
  }
}
