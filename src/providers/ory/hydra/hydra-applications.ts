import { Inject, Injectable } from '@nestjs/common';
import type { OAuth2Client } from '@ory/client';
import { z } from 'zod';
import {
  type Application,
  type ApplicationAdministration,
  type ApplicationPage,
  type NamedApplication,
  type SelfRegisteredClient,
  applicationAccesses,
  applicationKinds,
  groupForms,
  groupSources,
} from '../../../auth-strategy/application-administration.js';
import { CONFIGURATION } from '../../../platform/config/config.module.js';
import type { OryConfiguration } from '../../../platform/config/configuration.js';
import { DatabaseLocks } from '../../../platform/database/database-locks.js';
import type { TransactionPart } from '../../../platform/database/transaction-part.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import { scopeTokens } from '../../../session/guards/scopes.js';
import { agentOf } from './agent-client.js';
import { ApplicationSecretRepository } from './application-secret.repository.js';
import { ApplicationUses } from './application-uses.js';
import { ClientRepository, type IndexedClient } from './client.repository.js';
import { HydraClient } from './hydra.client.js';
import { ResourceRegistry } from './resource-registry.js';

/** What Hydra has no member for, in the client's metadata. */
const ownSchema = z.object({
  kind: z.enum(applicationKinds),
  access: z.enum(applicationAccesses),
  roles: z.array(z.string()),
  /** Missing where the registration is older: then all, by their short names. */
  groups: z
    .object({ from: z.enum(groupSources), orgs: z.array(z.string()), as: z.enum(groupForms) })
    .default({ from: 'all', orgs: [], as: 'slug' }),
  remember_consent: z.boolean(),
  created_by: z.string(),
  created_at: z.number(),
  /** Whether it has ever been first-party. */
  was_first_party: z.boolean().optional(),
});

/** What Hydra gives a client that is registered without a scope. None of it is for a machine. */
const hydraDefaultScope: ReadonlySet<string> = new Set(['openid', 'offline', 'offline_access']);

const metadataSchema = z.looseObject({ application: ownSchema });

const texts = z
  .array(z.string())
  .nullish()
  .transform((given) => given ?? []);
/** Hydra states what isn't set as an empty text. */
const link = z
  .string()
  .nullish()
  .transform((given) => given || null);

const clientSchema = z.looseObject({
  client_id: z.string(),
  client_name: z.string(),
  owner: link,
  skip_consent: z.boolean().nullish(),
  redirect_uris: texts,
  post_logout_redirect_uris: texts,
  backchannel_logout_uri: link,
  scope: z.string(),
  token_endpoint_auth_method: z.enum(['client_secret_basic', 'client_secret_post', 'none']),
  logo_uri: link,
  client_uri: link,
  policy_uri: link,
  tos_uri: link,
  metadata: metadataSchema,
});

const selfSchema = z.looseObject({ client_id: z.string(), metadata: z.unknown().optional() });

/** The application that one of Hydra's clients is; undefined for a client that wasn't registered as one. */
export function applicationOf(client: unknown): Application | undefined {
  const { data } = clientSchema.safeParse(client);
  if (data === undefined) {
    return undefined;
  }
  const { kind, access, roles, ...own } = data.metadata.application;
  return {
    id: data.client_id,
    name: data.client_name,
    kind,
    orgId: data.owner,
    firstParty: data.skip_consent === true,
    redirectUris: data.redirect_uris,
    postLogoutRedirectUris: data.post_logout_redirect_uris,
    backchannelLogoutUri: data.backchannel_logout_uri,
    scope: scopeTokens(data.scope).filter((token) => kind !== 'machine' || !hydraDefaultScope.has(token)),
    access,
    roles,
    groupsFrom: own.groups.from,
    groupOrgs: own.groups.orgs,
    groupsAs: own.groups.as,
    rememberConsent: own.remember_consent,
    tokenEndpointAuthMethod: data.token_endpoint_auth_method,
    logoUri: data.logo_uri,
    clientUri: data.client_uri,
    policyUri: data.policy_uri,
    tosUri: data.tos_uri,
    createdBy: own.created_by,
    createdAt: own.created_at,
  };
}

/**
 * Whether a user's consent may hold for a client's later logins. Of an application that was first-party once, Hydra remembers consents
 * that no user was asked for, so that none holds any more.
 */
export function mayRememberConsent(client: { readonly metadata?: unknown }): boolean {
  const own = metadataSchema.safeParse(client.metadata).data?.application;
  return own === undefined || (own.remember_consent && own.was_first_party !== true);
}

/** The applications, kept as clients of Hydra's. What Hydra has no member for is in their metadata. */
@Injectable()
export class HydraApplications implements ApplicationAdministration {
  readonly #audience: string;

  constructor(
    private readonly hydra: HydraClient,
    private readonly secrets: ApplicationSecretRepository,
    private readonly uses: ApplicationUses,
    private readonly index: ClientRepository,
    private readonly locks: DatabaseLocks,
    private readonly resources: ResourceRegistry,
    @Inject(CONFIGURATION) { TOKEN_AUDIENCE }: OryConfiguration,
  ) {
    this.#audience = TOKEN_AUDIENCE;
  }

  get resourceScopes(): readonly string[] {
    return this.resources.scopes;
  }

  async list({ limit, orgId, after }: ApplicationPage): Promise<readonly Application[]> {
    const found: Application[] = [];
    let last = after;
    let isLast = false;
    while (found.length < limit && !isLast) {
      const ids = await this.index.applications(limit - found.length, orgId, last);
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

  async find(id: string): Promise<Application | undefined> {
    return applicationOf(await this.hydra.client(id));
  }

  async firstParty(): Promise<readonly NamedApplication[]> {
    return this.index.names(true);
  }

  async others(): Promise<readonly NamedApplication[]> {
    return this.index.names(false);
  }

  async selfRegistered({
    limit,
    after,
    id,
  }: Parameters<ApplicationAdministration['selfRegistered']>[0]): Promise<readonly SelfRegisteredClient[]> {
    const clients = await this.index.selfRegistered(limit, id, after);
    return Promise.all(
      clients.map(async ({ id: clientId, name, createdAt, usedAt = null, kind }) => {
        const hasDocument = kind === 'metadata_document';
        const known = hasDocument ? selfSchema.safeParse(await this.hydra.client(clientId)).data : undefined;
        return {
          id: clientId,
          name,
          kind: hasDocument ? 'metadata_document' : 'registration',
          documentUrl: (known && agentOf(known)?.clientId) ?? null,
          createdAt,
          usedAt,
        };
      }),
    );
  }

  async hasOrg(orgId: string): Promise<boolean> {
    return this.index.hasOrg(orgId);
  }

  async orphans(): Promise<readonly string[]> {
    return this.index.orphans();
  }

  async exclusively<T>(id: string, act: () => Promise<T>): Promise<T> {
    return this.locks.run(`application ${id}`, act);
  }

  async create(
    application: Application,
    most: number,
    requireAuthor?: TransactionPart,
  ): Promise<string | null> {
    const { id, orgId, firstParty } = application;
    await this.locks.run(`applications of ${orgId ?? 'the deployment'}`, async () => {
      if ((await this.index.countOf(orgId)) >= most) {
        throw new Problem('conflict', {
          reason: 'too_many_applications',
          detail: `There are ${most} applications already.`,
        });
      }
      if (orgId !== null && !(await this.index.hasOrg(orgId))) {
        throw new Problem('validation_failed', {
          errors: [{ field: 'orgId', message: 'must be the id of an organisation' }],
          reason: 'no_such_org',
        });
      }
      await this.index.put(indexed(application), requireAuthor);
    });
    const secret = application.tokenEndpointAuthMethod === 'none' ? null : this.secrets.make();
    try {
      if (secret !== null) {
        // First: a secret without an application is worth nothing.
        await this.secrets.store(id, secret, 0);
      }
      await this.hydra.createClient(this.#clientOf(application, firstParty, secret ?? undefined));
    } catch (error) {
      // Hydra may have it, although its answer didn't arrive.
      await this.remove(id);
      throw error;
    }
    return secret;
  }

  async replace(application: Application): Promise<void> {
    await this.hydra.replaceClient(this.#clientOf(application, await this.#wasFirstParty(application)));
    await this.index.put(indexed(application));
  }

  async rotateSecret(application: Application, previousUntil: number): Promise<string> {
    const { id } = application;
    const secret = this.secrets.make();
    const former = await this.secrets.current(id);
    const wasFirstParty = await this.#wasFirstParty(application);
    try {
      // First: a secret that is stored takes the place of the former one in what the application sends. Anyone who is interrupted then
      // rotates again, and the former one is still known.
      await this.hydra.replaceClient(this.#clientOf(application, wasFirstParty, secret));
      await this.secrets.store(id, secret, previousUntil);
    } catch (error) {
      if (former !== undefined && (await this.secrets.current(id).catch(() => former)) !== secret) {
        await this.hydra.replaceClient(this.#clientOf(application, wasFirstParty, former)).catch(() => {
          // Hydra is away too. The next rotation sets both.
        });
      }
      throw error;
    }
    return secret;
  }

  async previousSecrets(ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return this.secrets.previousOf(ids);
  }

  async remove(id: string): Promise<void> {
    await this.hydra.removeClient(id);
    await this.secrets.remove(id);
    await this.uses.removeAll(id);
    // Last: as long as it's in the index, its removal can be repeated.
    await this.index.remove(id);
  }

  async #wasFirstParty({ id, firstParty }: Application): Promise<boolean> {
    const { data } = clientSchema.safeParse(await this.hydra.client(id));
    return firstParty || data?.skip_consent === true || data?.metadata.application.was_first_party === true;
  }

  /** Identifiers of the resources for which an application may ask: it has a scope of each. */
  #resourcesOf({ scope }: Application): readonly string[] {
    return this.resources.all
      .filter(({ scopes }) => scope.some((token) => scopes.has(token)))
      .map(({ resource }) => resource);
  }

  #clientOf(
    application: Application,
    wasFirstParty: boolean,
    secret?: string,
  ): OAuth2Client & { client_id: string } {
    const { kind, access, roles, firstParty, backchannelLogoutUri } = application;
    const isMachine = kind === 'machine';
    const staysLoggedIn = application.scope.includes('offline_access');
    return {
      client_id: application.id,
      client_name: application.name,
      ...(secret === undefined ? {} : { client_secret: secret }),
      owner: application.orgId ?? '',
      grant_types: isMachine
        ? ['client_credentials']
        : ['authorization_code', ...(staysLoggedIn ? ['refresh_token'] : [])],
      response_types: isMachine ? [] : ['code'],
      redirect_uris: [...application.redirectUris],
      post_logout_redirect_uris: [...application.postLogoutRedirectUris],
      ...(backchannelLogoutUri === null
        ? {}
        : { backchannel_logout_uri: backchannelLogoutUri, backchannel_logout_session_required: true }),
      scope: application.scope.join(' '),
      // What is part of the product, and what calls for itself, may use the gateway's own API.
      audience: [
        ...(firstParty || isMachine ? [this.#audience] : []),
        ...(isMachine ? [] : this.#resourcesOf(application)),
      ],
      skip_consent: firstParty,
      skip_logout_consent: firstParty,
      token_endpoint_auth_method: application.tokenEndpointAuthMethod,
      logo_uri: application.logoUri ?? '',
      client_uri: application.clientUri ?? '',
      policy_uri: application.policyUri ?? '',
      tos_uri: application.tosUri ?? '',
      metadata: {
        application: {
          kind,
          access,
          roles: [...roles],
          groups: {
            from: application.groupsFrom,
            orgs: [...application.groupOrgs],
            as: application.groupsAs,
          },
          remember_consent: application.rememberConsent,
          created_by: application.createdBy,
          created_at: application.createdAt,
          ...(wasFirstParty ? { was_first_party: true } : {}),
        },
      },
    };
  }
}

/** An application, as the index has it. */
export function indexed({ id, orgId, name, firstParty, createdAt }: Application): IndexedClient {
  return { id, kind: 'application', orgId, name, isFirstParty: firstParty, createdAt };
}
