import { Inject, Injectable } from '@nestjs/common';
import type { Application } from '../../auth-strategy/application-administration.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { OryConfiguration } from '../../platform/config/configuration.js';
import { DatabaseLocks } from '../../platform/database/database-locks.js';
import type { TransactionPart } from '../../platform/database/transaction-part.js';
import { logoutAddressAt } from '../../providers/ory/hydra/application-logout-address.js';
import { ApplicationSecretRepository } from '../../providers/ory/hydra/application-secret.repository.js';
import { ClientRepository } from '../../providers/ory/hydra/client.repository.js';
import { deviceCallbackAt } from '../../providers/ory/hydra/device-callback.js';
import { HydraApplications, indexed, wasFirstParty } from '../../providers/ory/hydra/hydra-applications.js';
import { HydraClient } from '../../providers/ory/hydra/hydra.client.js';
import { ResourceRegistry } from '../../providers/ory/hydra/resource-registry.js';
import { ApplicationList } from './application-list.js';

/** Registers applications as clients of Hydra's. What Hydra has no member for is in their metadata. */
@Injectable()
export class ApplicationRegistry {
  readonly #audience: string;
  readonly #logoutUrl: string;
  readonly #deviceCallback: string;

  constructor(
    private readonly hydra: HydraClient,
    private readonly kept: HydraApplications,
    private readonly index: ClientRepository,
    private readonly list: ApplicationList,
    private readonly secrets: ApplicationSecretRepository,
    private readonly locks: DatabaseLocks,
    private readonly resources: ResourceRegistry,
    @Inject(CONFIGURATION) { BACKCHANNEL_LOGOUT_URL, PUBLIC_URL, TOKEN_AUDIENCE }: OryConfiguration,
  ) {
    this.#audience = TOKEN_AUDIENCE;
    this.#logoutUrl = BACKCHANNEL_LOGOUT_URL;
    this.#deviceCallback = deviceCallbackAt(PUBLIC_URL);
  }

  /** Scopes of protected resources, which applications may have. */
  get resourceScopes(): readonly string[] {
    return this.resources.scopes;
  }

  /**
   * Registers an application.
   * @param most how many its organisation, or the deployment, may have. @param requireAuthor requires, where it
   *   is counted, that its author may still register it.
   * @returns its secret; null for one that has none.
   * @throws {Problem} `conflict` when there are too many, `validation_failed`
   */
  async create(
    application: Application,
    most: number,
    requireAuthor?: TransactionPart,
  ): Promise<string | null> {
    const { id, orgId, firstParty } = application;
    await this.locks.run(`applications of ${orgId ?? 'the deployment'}`, async () => {
      await this.list.requireRoom(orgId, most);
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
      await this.kept.remove(id);
      throw error;
    }
    return secret;
  }

  /** Replaces an application's registration; its secret stays. */
  async replace(application: Application): Promise<void> {
    await this.hydra.replaceClient(this.#clientOf(application, await this.#wasFirstParty(application)));
    await this.index.put(indexed(application));
  }

  /**
   * Makes a new secret.
   * @param previousUntil until when the one before is accepted, in milliseconds since the epoch.
   */
  async rotateSecret(application: Application, previousUntil: number): Promise<string> {
    const { id } = application;
    const secret = this.secrets.make();
    const former = await this.secrets.current(id);
    const hasBeenFirstParty = await this.#wasFirstParty(application);
    try {
      // First: a secret that is stored takes the place of the former one in what the application sends. Anyone who is interrupted then
      // rotates again, and the former one is still known.
      await this.hydra.replaceClient(this.#clientOf(application, hasBeenFirstParty, secret));
      await this.secrets.store(id, secret, previousUntil);
    } catch (error) {
      if (former !== undefined && (await this.secrets.current(id).catch(() => former)) !== secret) {
        await this.hydra.replaceClient(this.#clientOf(application, hasBeenFirstParty, former)).catch(() => {
          // Hydra is away too. The next rotation sets both.
        });
      }
      throw error;
    }
    return secret;
  }

  /** Until when the previous secret of each of these applications is accepted, in milliseconds since the epoch. */
  async previousSecrets(ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return this.secrets.previousOf(ids);
  }

  async #wasFirstParty({ id, firstParty }: Application): Promise<boolean> {
    return firstParty || wasFirstParty(await this.hydra.client(id));
  }

  /** Where Hydra reports logouts of an application: to the gateway, which tells it (docs/adr/0051). */
  logoutAddressOf(backchannelLogoutUri: string): string {
    return logoutAddressAt(this.#logoutUrl, backchannelLogoutUri);
  }

  /** Identifiers of the resources for which an application may ask: it has a scope of each. */
  #resourcesOf({ scope }: Application): readonly string[] {
    return this.resources.all
      .filter(({ scopes }) => scope.some((token) => scopes.has(token)))
      .map(({ resource }) => resource);
  }

  #clientOf(
    application: Application,
    hasBeenFirstParty: boolean,
    secret?: string,
  ): Parameters<HydraClient['replaceClient']>[0] {
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
      redirect_uris: [
        ...application.redirectUris,
        ...(application.deviceLogin ? [this.#deviceCallback] : []),
      ],
      post_logout_redirect_uris: [...application.postLogoutRedirectUris],
      ...(backchannelLogoutUri === null
        ? {}
        : {
            backchannel_logout_uri: this.logoutAddressOf(backchannelLogoutUri),
            backchannel_logout_session_required: true,
          }),
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
          code_protection: application.codeProtection,
          ...(application.deviceLogin ? { device_callback: this.#deviceCallback } : {}),
          ...(application.jwks === null ? {} : { jwks: application.jwks }),
          created_by: application.createdBy,
          created_at: application.createdAt,
          ...(hasBeenFirstParty ? { was_first_party: true } : {}),
        },
      },
    };
  }
}
