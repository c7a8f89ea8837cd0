import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION } from '../platform/config/config.module.js';
import type { Configuration } from '../platform/config/configuration.js';
import type { ServiceClient } from '../platform/config/service-clients.parser.js';
import { Clock } from '../platform/time/clock.service.js';
import { sessionlessClaims } from '../session/tokens/account-claims.js';
import type { Claims } from '../session/tokens/claims.schema.js';
import { UserDirectory } from '../directory/users/user-directory.js';
import { UsersService } from '../directory/users/users.service.js';
import { type Application, hydraClientIssuer } from '../auth-strategy/application-administration.js';
import { AuthStrategy } from '../auth-strategy/auth.strategy.js';

/** Scopes of logins, which Hydra may give any client. */
const ofLogins: ReadonlySet<string> = new Set(['openid', 'offline', 'offline_access']);

interface NamedClient extends ServiceClient {
  readonly name?: string;
}

/**
 * Resolves OAuth clients that call for themselves, each as a service account of its own: registered applications of the kind
 * `machine`, and those of `SERVICE_CLIENTS`.
 */
@Injectable()
export class ServiceClients {
  readonly #configuration: Configuration;

  constructor(
    private readonly strategy: AuthStrategy,
    private readonly users: UsersService,
    private readonly directory: UserDirectory,
    private readonly clock: Clock,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#configuration = configuration;
  }

  /**
   * Finds the service account of an access token that a client got for itself.
   * @returns its claims and the end of the token (seconds since the epoch), or nothing when it isn't such a token: it may be a person's.
   * @throws {Problem} `access_token_rejected`, `unauthenticated` (disabled), `provider_unavailable`
   */
  async find(accessToken: string): Promise<{ claims: Claims; expiresAt: number } | undefined> {
    const { applications } = this.strategy;
    const configured = this.#configured();
    if (configured.length === 0 && applications === undefined) {
      return undefined;
    }
    // Before the provider is asked: what changes from here on outdates the token.
    const readAt = this.clock.now();
    const validated = await this.strategy.validateClient(accessToken);
    if (validated === undefined) {
      return undefined;
    }
    const { clientId, expiresAt } = validated;
    const asked = validated.scope.filter((token) => !ofLogins.has(token));
    const client = configured.find((one) => one.clientId === clientId) ?? (await this.#machine(clientId));
    if (client === undefined) {
      return undefined;
    }
    // A client may have asked for less than it is registered with (RFC 6749 section 3.3): what it is registered with instead isn't that.
    const scope = asked.length === 0 ? client.scope : client.scope.filter((token) => asked.includes(token));
    return { claims: await this.#claims({ ...client, scope }, readAt), expiresAt };
  }

  /**
   * The claims of a registered machine for which something else than its secret vouches.
   * @param readAt milliseconds, before that was asked about.
   * @returns nothing if there is no such machine, or it may call no more.
   * @throws {Problem} `unauthenticated` (disabled), `provider_unavailable`
   */
  async claimsOf(clientId: string, readAt: number): Promise<Claims | undefined> {
    const client = await this.#machine(clientId);
    return client === undefined ? undefined : this.#claims(client, readAt);
  }

  /** The scopes that a client is listed or registered with; none if it may call no more. @throws {Problem} `provider_unavailable` */
  async scopeOf(clientId: string): Promise<readonly string[]> {
    const client = this.#configured().find((one) => one.clientId === clientId);
    return (client ?? (await this.#machine(clientId)))?.scope ?? [];
  }

  /** A registered machine; one whose organisation is gone may call no more. */
  async #machine(clientId: string): Promise<NamedClient | undefined> {
    const application = await this.strategy.applications?.find(clientId);
    const orgId = application?.orgId ?? null;
    const isOrphan = orgId !== null && !(await this.directory.hasOrg(orgId));
    return isOrphan ? undefined : machineOf(application);
  }

  #configured(): readonly NamedClient[] {
    return this.#configuration.AUTH_PROVIDER === 'ory' ? this.#configuration.SERVICE_CLIENTS : [];
  }

  /**
   * The claims of a service account. There is no session, so `sid` is the account's own id. Tokens are revoked through the account
   * (disabled, or its tokens made outdated), and `jti` shows when they began.
   * @param readAt milliseconds, before anything was asked about the client.
   */
  async #claims({ clientId, scope, name }: NamedClient, readAt: number): Promise<Claims> {
    const identity = { issuer: hydraClientIssuer, subject: clientId };
    const userId = await this.users.ensureServiceAccount(identity, name ?? clientId);
    const account = await this.users.requireAccount(userId, null);
    const subject = {
      account: { ...account, readAt },
      sid: userId,
      clientId,
      amr: 'client_credentials',
      scope: scope.join(' '),
    } as const;
    return sessionlessClaims(subject, this.#configuration, this.clock.seconds());
  }
}

function machineOf(application: Application | undefined): NamedClient | undefined {
  return application?.kind === 'machine'
    ? { clientId: application.id, name: application.name, scope: application.scope }
    : undefined;
}
