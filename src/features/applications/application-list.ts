import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { Application, NamedApplication } from '../../auth-strategy/application-administration.js';
import { UserDirectory } from '../../directory/users/user-directory.js';
import { Database } from '../../platform/database/database.schema.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { agentOf } from '../../providers/ory/hydra/agent-client.js';
import { ClientRepository } from '../../providers/ory/hydra/client.repository.js';
import { applicationOf } from '../../providers/ory/hydra/hydra-applications.js';
import { HydraClient } from '../../providers/ory/hydra/hydra.client.js';

const selfSchema = z.looseObject({ client_id: z.string(), metadata: z.unknown().optional() });

/** A client that registered itself: no administrator has checked it. */
export interface SelfRegisteredClient {
  /** Its id at the provider, which is its `client_id` unless it has a document. */
  readonly id: string;
  /** Empty if it states none. */
  readonly name: string;
  readonly kind: 'metadata_document' | 'registration';
  /** Where it describes itself; null for one that registered. */
  readonly documentUrl: string | null;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** When a user last allowed it, to the day, in milliseconds since the epoch; null: none has. */
  readonly usedAt: number | null;
}

/** Which applications a list is about. */
export interface ApplicationPage {
  readonly limit: number;
  /** Those of this organisation only. */
  readonly orgId?: string | undefined;
  /** Id of the last one before. */
  readonly after?: string | undefined;
}

/** Lists Hydra's clients from their index: the applications, and the clients that registered themselves. */
@Injectable()
export class ApplicationList {
  constructor(
    private readonly hydra: HydraClient,
    private readonly index: ClientRepository,
    private readonly database: Database,
    private readonly users: UserDirectory,
  ) {}

  /**
   * One page of them, the oldest first.
   * @param page.orgId those of this organisation only. @param page.after id of the last one before.
   */
  async list({ limit, orgId, after }: ApplicationPage): Promise<readonly Application[]> {
    const found: Application[] = [];
    let last = after;
    let isLast = false;
    while (found.length < limit && !isLast) {
      const ids = await this.#ids(limit - found.length, orgId, last);
      for (const id of ids) {
        const client = await this.hydra.client(id);
        const application = applicationOf(client);
        if (application !== undefined) {
          found.push(application);
        } else if (client === undefined) {
          // Its registration failed, and could not be taken back; or an operator has removed it there.
          await this.index.forget(id);
        }
      }
      last = ids.at(-1);
      isLast = last === undefined;
    }
    return found;
  }

  /** Names, with ids, of all that aren't part of the product. */
  async others(): Promise<readonly NamedApplication[]> {
    return this.database.query
      .selectFrom('oauth_clients')
      .select(['id', 'name'])
      .where('kind', '=', 'application')
      .where('first_party', '=', 0)
      .execute();
  }

  /** The clients that registered themselves, in the order of their ids. @param page.id of this one only. */
  async selfRegistered({
    limit,
    after,
    id,
  }: {
    readonly limit: number;
    readonly after?: string | undefined;
    readonly id?: string | undefined;
  }): Promise<readonly SelfRegisteredClient[]> {
    let clients = this.database.query
      .selectFrom('oauth_clients')
      .select(['id', 'kind', 'name', 'created_at', 'used_at'])
      .where('kind', 'in', ['metadata_document', 'registration'])
      .orderBy('id')
      .limit(limit);
    clients = id === undefined ? clients : clients.where('id', '=', id);
    clients = after === undefined ? clients : clients.where('id', '>', after);
    return Promise.all(
      (await clients.execute()).map(
        async ({ id: clientId, name, created_at: createdAt, used_at: usedAt, kind }) => {
          const hasDocument = kind === 'metadata_document';
          const known = hasDocument
            ? selfSchema.safeParse(await this.hydra.client(clientId)).data
            : undefined;
          return {
            id: clientId,
            name,
            kind: hasDocument ? 'metadata_document' : 'registration',
            documentUrl: (known && agentOf(known)?.clientId) ?? null,
            createdAt: Number(createdAt),
            usedAt: usedAt === null ? null : Number(usedAt),
          };
        },
      ),
    );
  }

  /** Requires that one more application may belong to an organisation, or to the deployment. @throws {Problem} `conflict`, `validation_failed` */
  async requireRoom(orgId: string | null, most: number): Promise<void> {
    if ((await this.#countOf(orgId)) >= most) {
      throw new Problem('conflict', {
        reason: 'too_many_applications',
        detail: `There are ${most} applications already.`,
      });
    }
    if (orgId !== null && !(await this.users.hasOrg(orgId))) {
      throw new Problem('validation_failed', {
        errors: [{ field: 'orgId', message: 'must be the id of an organisation' }],
        reason: 'no_such_org',
      });
    }
  }

  /** How many applications an organisation has, or the deployment itself. */
  async #countOf(orgId: string | null): Promise<number> {
    const { count } = await this.database.query
      .selectFrom('oauth_clients')
      .select(({ fn }) => fn.countAll().as('count'))
      .where('kind', '=', 'application')
      .where('org_id', orgId === null ? 'is' : '=', orgId)
      .executeTakeFirstOrThrow();
    return Number(count);
  }

  /** Ids of applications, the oldest first. @param orgId of those of an organisation only. @param after the last one before. */
  async #ids(limit: number, orgId?: string, after?: string): Promise<string[]> {
    let applications = this.database.query
      .selectFrom('oauth_clients')
      .select('id')
      .where('kind', '=', 'application')
      .orderBy('id')
      .limit(limit);
    applications = orgId === undefined ? applications : applications.where('org_id', '=', orgId);
    applications = after === undefined ? applications : applications.where('id', '>', after);
    return (await applications.execute()).map(({ id }) => id);
  }
}
