import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION } from '../platform/config/config.module.js';
import type { Configuration } from '../platform/config/configuration.js';
import type { ServiceClient } from '../platform/config/service-clients.parser.js';
import { Clock } from '../platform/time/clock.service.js';
import { sessionlessClaims } from '../session/tokens/account.claims.js';
import type { Claims } from '../session/tokens/claims.schema.js';
import { UsersService } from '../directory/users/users.service.js';
import { AuthStrategy } from '../auth-strategy/auth.strategy.js';

/** Issuer of the identities of Hydra's clients: no person's identity has it. */
export const hydraClientIssuer = 'urn:ory:hydra:client';

/** Resolves OAuth clients that call for themselves (`SERVICE_CLIENTS`), each as a service account of its own. */
@Injectable()
export class ServiceClients {
  readonly #strategy: AuthStrategy;
  readonly #users: UsersService;
  readonly #clock: Clock;
  readonly #configuration: Configuration;

  constructor(
    strategy: AuthStrategy,
    users: UsersService,
    clock: Clock,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#strategy = strategy;
    this.#users = users;
    this.#clock = clock;
    this.#configuration = configuration;
  }

  /**
   * Finds the service account of an access token that a client got for itself.
   * @returns its claims and the end of the token (seconds since the epoch), or nothing when it isn't such a token: it may be a person's.
   * @throws {Problem} `access_token_rejected`, `unauthenticated` (disabled), `provider_unavailable`
   */
  async find(accessToken: string): Promise<{ claims: Claims; expiresAt: number } | undefined> {
    const clients = this.#clients();
    if (clients.length === 0) {
      return undefined;
    }
    const validated = await this.#strategy.validateClient(accessToken);
    const client = clients.find(({ clientId }) => clientId === validated?.clientId);
    if (validated === undefined || client === undefined) {
      return undefined;
    }
    const identity = { issuer: hydraClientIssuer, subject: client.clientId };
    const userId = await this.#users.ensureServiceAccount(identity, client.clientId);
    return { claims: await this.#claims(userId, client), expiresAt: validated.expiresAt };
  }

  #clients(): readonly ServiceClient[] {
    return this.#configuration.AUTH_PROVIDER === 'ory' ? this.#configuration.SERVICE_CLIENTS : [];
  }

  /**
   * The claims of a service account. There is no session, so `sid` is the account's own id. Tokens are revoked through the account
   * (disabled, or its tokens made outdated), and `jti` shows when they began.
   */
  async #claims(userId: string, { clientId, scope }: ServiceClient): Promise<Claims> {
    const account = await this.#users.requireAccount(userId, null);
    const subject = {
      account,
      sid: userId,
      clientId,
      amr: 'client_credentials',
      scope: scope.join(' '),
    } as const;
    return sessionlessClaims(subject, this.#configuration, this.#clock.seconds());
  }
}
