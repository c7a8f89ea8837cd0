import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { queryOf } from '../../../pages/admin/admin-addresses.js';
import { ApiClient } from '../../../pages/api.client.js';
import { agentListSchema } from '../agent.schemas.js';
import { applicationListSchema } from '../application.schemas.js';

/** Reads the names of applications, for the administration's page of audit events. */
@Injectable()
export class ApplicationNames {
  constructor(private readonly api: ApiClient) {}

  /** Names by id. Those that are gone or can't be read now are missing. */
  async of(request: FastifyRequest, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const agents = [...new Set(ids.filter((id) => /^(?:cimd|dcr)-/.test(id)))];
    const isRegistered = ids.some((id) => !agents.includes(id));
    return new Map([
      ...(isRegistered ? await this.#registered(request) : []),
      ...(await Promise.all(agents.map(async (id) => this.#agent(request, id)))).flat(),
    ]);
  }

  /** The name of a client that registered itself; none if it states none, or is gone. */
  async #agent(request: FastifyRequest, id: string): Promise<readonly (readonly [string, string])[]> {
    const { items } = await this.api
      .read(request, `/api/v1/agents?${queryOf({ id })}`, agentListSchema)
      .catch(() => ({ items: [] }));
    return items.map(({ name }) => [id, name ?? id]);
  }

  /** Names of the oldest 100 applications: one call gets them. */
  async #registered(request: FastifyRequest): Promise<readonly (readonly [string, string])[]> {
    const { items } = await this.api
      .read(request, '/api/v1/applications?limit=100', applicationListSchema)
      .catch(() => ({ items: [] }));
    return items.map(({ id, name }) => [id, name]);
  }
}
