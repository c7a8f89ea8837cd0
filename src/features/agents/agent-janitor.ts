import { Injectable } from '@nestjs/common';
import { PeriodicTask } from '../../platform/time/periodic-task.js';
import { AgentClients } from './agent-clients.js';

/** Removes clients that registered themselves and that have fallen out of use. Any number of replicas may run it. */
@Injectable()
export class AgentJanitor extends PeriodicTask {
  constructor(private readonly clients: AgentClients) {
    super({ message: 'unused clients cannot be removed', reason: 'agent_purge_failed' });
  }

  protected override run(): Promise<unknown> {
    return this.clients.removeUnused();
  }
}
