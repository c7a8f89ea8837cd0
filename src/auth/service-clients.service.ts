import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import type { ServiceClient } from '../config/service-clients.parser.js';
import { Clock } from '../core/clock.service.js';
import { accountClaims } from '../session/account.claims.js';
import type { Claims } from '../session/claims.schema.js';
import { ServiceAccounts } from '../users/service-accounts.service.js';
import { UsersService } from '../users/users.service.js';
import { AuthStrategy } from './auth.strategy.js';

/** Issuer of the identities of Hydra's clients: no person's identity ever has it. */
export const hydraClientIssuer = 'urn:ory:hydra:client';

/** OAuth clients that call for themselves (`SERVICE_CLIENTS`), each as a service account of its own. */
@Injectable()
export class ServiceClients {
  readonly #strategy: AuthStrategy;
  readonly #accounts: ServiceAccounts;
  readonly #users: UsersService;
  readonly #clock: Clock;
  readonly #configuration: Configuration;

  constructor(
    strategy: AuthStrategy,
    accounts: ServiceAccounts,
    users: UsersService,
    clock: Clock,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#strategy = strategy;
    this.#accounts = accounts;
    this.#users = users;
    this.#clock = clock;
    this.#configuration = configuration;
  }

  /**
   * Whose an access token is that a client got for itself.
   * @returns claims of its service account and the end of the token (seconds since the epoch), or nothing when it's no
   * such token: it may be a person's.
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
    const userId = await this.#accounts.ensure(identity, client.clientId);
    return { claims: await this.#claims(userId, client), expiresAt: validated.expiresAt };
  }

  #clients(): readonly ServiceClient[] {
    return this.#configuration.AUTH_PROVIDER === 'ory' ? this.#configuration.SERVICE_CLIENTS : [];
  }

  /**
   * There is no session, so `sid` is the account's own id. Tokens are revoked through the account (disabled, or its tokens
   * made stale), and what began when is told from `jti`.
   */
  async #claims(userId: string, { clientId, scope }: ServiceClient): Promise<Claims> {
    const seconds = this.#clock.seconds();
    return {
      iss: this.#configuration.PUBLIC_URL,
      aud: this.#configuration.TOKEN_AUDIENCE,
      sid: userId,
      iat: seconds,
      nbf: seconds,
      exp: seconds + this.#configuration.TOKEN_TTL,
      auth_time: 0,
      amr: ['client_credentials'],
      acr: 'aal1',
      idp: this.#configuration.AUTH_PROVIDER,
      client_id: clientId,
      scope: scope.join(' '),
      ...accountClaims(await this.#users.requireAccount(userId, null)),
    };
  }
}
