import { Injectable, Logger } from '@nestjs/common';
import type {
  ApplicationGrant,
  ApplicationUse,
  GrantAdministration,
  GrantedResource,
  SelfRegistration,
} from '../../../auth-strategy/grant-administration.js';
import { redirectPlacesOf } from '../../../platform/core/redirect-places.js';
import { allDone } from '../../../platform/core/settled.js';
import { RevocationService } from '../../../session/revocation/revocation.service.js';
import { isOryIssuer } from '../sources/ory-issuer.js';
import { ResourceRegistry } from './resource-registry.js';
import { agentOf } from './agent-client.js';
import { ApplicationUses } from './application-uses.js';
import { HydraClient } from './hydra.client.js';
import { gatewayClientId, isOwnClient } from './hydra-clients.js';
import type { GrantedConsent } from './hydra.schemas.js';

/** What people have allowed applications: Hydra's consents, with our record of when the applications were used. */
@Injectable()
export class HydraGrants implements GrantAdministration {
  readonly #logger = new Logger(HydraGrants.name);

  constructor(
    private readonly hydra: HydraClient,
    private readonly uses: ApplicationUses,
    private readonly revocations: RevocationService,
    private readonly resources: ResourceRegistry,
  ) {}

  has(issuer: string): boolean {
    return isOryIssuer(issuer);
  }

  async grantsOf(subject: string): Promise<readonly ApplicationGrant[]> {
    const [consents, uses] = await Promise.all([this.hydra.grants(subject), this.uses.of(subject)]);
    const asked = consents.filter(isAsked);
    const ids = new Set(asked.map(({ consent_request: { client } }) => client.client_id));
    return [...ids]
      .map((id) => {
        const ofClient = asked.filter(({ consent_request: { client } }) => client.client_id === id);
        return { ...grantOf(id, ofClient, uses.get(id)), resources: this.#resourcesOf(ofClient) };
      })
      .toSorted((one, other) => usedAt(other) - usedAt(one));
  }

  async revoke(subject: string, applicationId: string): Promise<void> {
    await this.#end(subject, applicationId, await this.#grantIds(subject, applicationId));
  }

  async #end(subject: string, applicationId: string, grantIds: readonly string[]): Promise<void> {
    await this.hydra.revokeGrants(subject, applicationId);
    await this.uses.removeOf(subject, applicationId);
    // Hydra's own tokens end with its consents. Those for a protected resource are ours, and verified without asking.
    for (const grantId of grantIds) {
      await this.revocations.endGrant(grantId);
    }
  }

  /** Ids of the consents for protected resources. If they can't be read, an access is still revoked: its tokens live for minutes. */
  async #grantIds(subject: string, applicationId: string): Promise<readonly string[]> {
    try {
      return grantIdsIn(await this.hydra.grants(subject), applicationId);
    } catch (error) {
      this.#logger.warn('tokens of resources outlive the access that was revoked', {
        reason: 'grants_unreadable',
        err: error,
      });
      return [];
    }
  }

  /** Ends what all applications may do for a person, and their logins at Hydra; applications with back-channel logout learn of it. */
  async endAccess(subject: string): Promise<void> {
    await this.hydra.endAccess(subject);
    await this.uses.removeOf(subject);
  }

  /** Ends what all applications may do for a person, and the logins by which Hydra remembers them, without a notice. */
  async revokeAll(subject: string): Promise<void> {
    await this.hydra.forgetPerson(subject);
    await this.uses.removeOf(subject);
  }

  /**
   * Ends what first-party applications may do for a person, and our own: nobody is asked about them, so that no list has them to revoke.
   * @param except id of the login at its source that stays: an application that is used in no other one goes on.
   */
  async endUnasked(subject: string, except?: string): Promise<void> {
    const unasked = (await this.hydra.grants(subject)).filter((consent) => !isAsked(consent));
    // Of a consent that is remembered, Hydra doesn't list the later logins.
    const ended = unasked.filter(
      ({ session, remember }) =>
        except === undefined || remember === true || session?.access_token?.kratos_session_id !== except,
    );
    // The gateway discards its own tokens as soon as it has a session for them.
    const ids = new Set(ended.map(({ consent_request: { client } }) => client.client_id));
    ids.delete(gatewayClientId);
    await allDone([...ids].map(async (id) => this.#end(subject, id, grantIdsIn(unasked, id))));
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

  async usesOf(applicationId: string, limit: number, after?: string): Promise<readonly ApplicationUse[]> {
    return this.uses.list(applicationId, limit, after);
  }
}

/** How a client came to be known, if it registered itself. */
function selfRegistrationOf(client: Parameters<typeof agentOf>[0] | undefined): SelfRegistration | null {
  const agent = client && agentOf(client);
  return agent === undefined
    ? null
    : { kind: agent.kind, documentUrl: agent.kind === 'metadata_document' ? agent.clientId : null };
}

/** Ids of the consents for protected resources that one application has. */
function grantIdsIn(consents: readonly GrantedConsent[], applicationId: string): readonly string[] {
  return consents
    .filter(({ consent_request: { client } }) => client.client_id === applicationId)
    .flatMap(({ session }) => session?.access_token?.grant_id ?? []);
}

/** Whether a consent is one that the person was asked for: what is part of the product asks for none. */
function isAsked({ consent_request: { client } }: GrantedConsent): boolean {
  return client.skip_consent !== true && !isOwnClient(client.client_id);
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
