import { Injectable } from '@nestjs/common';
import { type RedirectPlaces, redirectPlacesOf } from '../../platform/core/redirect-places.js';
import { Database } from '../../platform/database/database.schema.js';
import { AddedConsents } from '../../providers/ory/hydra/added-consents.js';
import { agentOf } from '../../providers/ory/hydra/agent-client.js';
import { isAsked } from '../../providers/ory/hydra/hydra-grants.js';
import { HydraClient } from '../../providers/ory/hydra/hydra.client.js';
import type { GrantedConsent } from '../../providers/ory/hydra/hydra.schemas.js';
import { ResourceRegistry } from '../../providers/ory/hydra/resource-registry.js';

/** What a person has allowed an application. Times are milliseconds since the epoch. */
export interface ApplicationGrant extends RedirectPlaces {
  /** The `client_id` of the application: any text, because operators may register clients at the provider themselves. */
  readonly applicationId: string;
  /** Its name, as it was registered; null if it has none. */
  readonly name: string | null;
  readonly logoUri: string | null;
  readonly clientUri: string | null;
  /** How it came to be known, if it registered itself; null for one that was registered here. */
  readonly selfRegistration: SelfRegistration | null;
  /** The protected resources that it may use. */
  readonly resources: readonly GrantedResource[];
  /** Everything that it may do, by all consents that hold. */
  readonly scope: readonly string[];
  /** The first consent that holds. */
  readonly since: number;
  /** Its latest login or refresh of tokens; null if none was recorded. */
  readonly lastUsedAt: number | null;
}

/** How an application that no administrator has checked came to be known. */
interface SelfRegistration {
  readonly kind: 'metadata_document' | 'registration';
  /** Where it describes itself; null for one that registered. */
  readonly documentUrl: string | null;
}

/** A protected resource that an application may use. */
export interface GrantedResource {
  /** Its resource identifier. */
  readonly url: string;
  readonly name: string;
  /** The scopes that were granted of it, and what each permits, in the operator's words. */
  readonly scopes: readonly { readonly scope: string; readonly description: string }[];
}

/** When a person used an application. Times are milliseconds since the epoch. */
export interface ApplicationUse {
  /** Subject of the person's identity at the provider. */
  readonly subject: string;
  readonly firstUsedAt: number;
  readonly lastUsedAt: number;
}

/** Reads what people have allowed applications: Hydra's consents, with our record of when the applications were used. */
@Injectable()
export class ApplicationGrants {
  constructor(
    private readonly hydra: HydraClient,
    private readonly database: Database,
    private readonly resources: ResourceRegistry,
    private readonly added: AddedConsents,
  ) {}

  /** The applications that an identity has given access, except for those that are part of the product; the last used one first. */
  async grantsOf(subject: string): Promise<readonly ApplicationGrant[]> {
    const [consents, added, uses] = await Promise.all([
      this.hydra.grants(subject),
      this.added.of(subject),
      this.#usesOfPerson(subject),
    ]);
    const asked = [...consents, ...added].filter(isAsked);
    const ids = new Set(asked.map(({ consent_request: { client } }) => client.client_id));
    return [...ids]
      .map((id) => {
        const ofClient = asked.filter(({ consent_request: { client } }) => client.client_id === id);
        return { ...grantOf(id, ofClient, uses.get(id)), resources: this.#resourcesOf(ofClient) };
      })
      .toSorted((one, other) => usedAt(other) - usedAt(one));
  }

  /** When a person used each of their applications: `client_id` → use. */
  async #usesOfPerson(subject: string): Promise<ReadonlyMap<string, ApplicationUse>> {
    const rows = await this.database.query
      .selectFrom('application_uses')
      .selectAll()
      .where('subject', '=', subject)
      .execute();
    return new Map(rows.map((row) => [row.client_id, toUse(row)]));
  }

  /** The identities that have used an application, in the order of their subjects. @param after subject of the last one before. */
  async usesOf(applicationId: string, limit: number, after?: string): Promise<ApplicationUse[]> {
    const uses = this.database.query
      .selectFrom('application_uses')
      .selectAll()
      .where('client_id', '=', applicationId)
      .orderBy('subject')
      .limit(limit);
    const rows = await (after === undefined ? uses : uses.where('subject', '>', after)).execute();
    return rows.map((row) => toUse(row));
  }

  /** The resources that consents of one application are for, each with the scopes that were granted. */
  #resourcesOf(consents: readonly GrantedConsent[]): GrantedResource[] {
    const found = new Map<string, GrantedResource>();
    for (const { consent_request: request, grant_scope: granted } of consents) {
      const resource = this.resources.ofAudience(request.requested_access_token_audience);
      if (resource !== undefined) {
        const before = found.get(resource.resource)?.scopes ?? [];
        const isNew = (scope: string): boolean => !before.some((known) => known.scope === scope);
        const added = [...resource.scopes]
          .filter(([scope]) => granted?.includes(scope) === true && isNew(scope))
          .map(([scope, description]) => ({ scope, description }));
        const { resource: url, name } = resource;
        found.set(url, { url, name, scopes: [...before, ...added] });
      }
    }
    return [...found.values()];
  }
}

/** How a client came to be known, if it registered itself. */
function selfRegistrationOf(client: Parameters<typeof agentOf>[0] | undefined): SelfRegistration | null {
  const agent = client && agentOf(client);
  return agent === undefined
    ? null
    : { kind: agent.kind, documentUrl: agent.kind === 'metadata_document' ? agent.clientId : null };
}

/** @param consents of one person for one client, at least one. */
function grantOf(
  applicationId: string,
  consents: readonly GrantedConsent[],
  use: ApplicationUse | undefined,
): Omit<ApplicationGrant, 'resources'> {
  const client = consents[0]?.consent_request.client;
  return {
    applicationId,
    name: client?.client_name || null,
    logoUri: client?.logo_uri || null,
    clientUri: client?.client_uri || null,
    ...redirectPlacesOf(client?.redirect_uris ?? []),
    selfRegistration: selfRegistrationOf(client),
    scope: [...new Set(consents.flatMap(({ grant_scope: scope }) => scope ?? []))],
    since: Math.min(...consents.map(({ handled_at: at }) => at)),
    lastUsedAt: use?.lastUsedAt ?? null,
  };
}

function usedAt({ since, lastUsedAt }: ApplicationGrant): number {
  return lastUsedAt ?? since;
}

function toUse(row: {
  readonly subject: string;
  readonly first_used_at: number;
  readonly last_used_at: number;
}): ApplicationUse {
  return {
    subject: row.subject,
    firstUsedAt: Number(row.first_used_at),
    lastUsedAt: Number(row.last_used_at),
  };
}
