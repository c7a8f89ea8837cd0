import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import {
  type Application,
  type ApplicationAdministration,
  type NamedApplication,
  applicationAccesses,
  applicationKinds,
  codeProtections,
  groupForms,
  groupSources,
} from '../../../auth-strategy/application-administration.js';
import { publicKeysSchema } from '../../../auth-strategy/public-keys.js';
import { DatabaseLocks } from '../../../platform/database/database-locks.js';
import { scopeTokens } from '../../../session/guards/scopes.js';
import { applicationLogoutUri } from './application-logout-address.js';
import { ApplicationSecretRepository } from './application-secret.repository.js';
import { ApplicationUses } from './application-uses.js';
import { ClientRepository, type IndexedClient } from './client.repository.js';
import { HydraClient } from './hydra.client.js';

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
  /** Missing where the registration is older. */
  code_protection: z.enum(codeProtections).default('pkce'),
  /** The redirect URI that stands for devices; missing for an application whose users can't log in on any. */
  device_callback: z.string().optional(),
  jwks: publicKeysSchema.nullable().default(null),
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
    redirectUris: data.redirect_uris.filter((uri) => uri !== own.device_callback),
    postLogoutRedirectUris: data.post_logout_redirect_uris,
    backchannelLogoutUri:
      data.backchannel_logout_uri === null ? null : applicationLogoutUri(data.backchannel_logout_uri),
    scope: scopeTokens(data.scope).filter((token) => kind !== 'machine' || !hydraDefaultScope.has(token)),
    access,
    roles,
    groupsFrom: own.groups.from,
    groupOrgs: own.groups.orgs,
    groupsAs: own.groups.as,
    rememberConsent: own.remember_consent,
    tokenEndpointAuthMethod: data.token_endpoint_auth_method,
    jwks: own.jwks,
    codeProtection: own.code_protection,
    deviceLogin: own.device_callback !== undefined,
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

/** Whether a client that is an application is first-party, or has ever been. */
export function wasFirstParty(client: unknown): boolean {
  const { data } = clientSchema.safeParse(client);
  return data?.skip_consent === true || data?.metadata.application.was_first_party === true;
}

/** The applications that Hydra keeps as its clients: who judges them finds them here, and they are removed. */
@Injectable()
export class HydraApplications implements ApplicationAdministration {
  constructor(
    private readonly hydra: HydraClient,
    private readonly secrets: ApplicationSecretRepository,
    private readonly uses: ApplicationUses,
    private readonly index: ClientRepository,
    private readonly locks: DatabaseLocks,
  ) {}

  async find(id: string): Promise<Application | undefined> {
    return applicationOf(await this.hydra.client(id));
  }

  async firstParty(): Promise<readonly NamedApplication[]> {
    return this.index.productNames();
  }

  async orphans(): Promise<readonly string[]> {
    return this.index.orphans();
  }

  async exclusively<T>(id: string, act: () => Promise<T>): Promise<T> {
    return this.locks.run(`application ${id}`, act);
  }

  async remove(id: string): Promise<void> {
    await this.hydra.removeClient(id);
    await this.secrets.remove(id);
    await this.uses.removeAll(id);
    // Last: as long as it's in the index, its removal can be repeated.
    await this.index.remove(id);
  }
}

/** An application, as the index has it. */
export function indexed({ id, orgId, name, firstParty, createdAt }: Application): IndexedClient {
  return { id, kind: 'application', orgId, name, isFirstParty: firstParty, createdAt };
}
