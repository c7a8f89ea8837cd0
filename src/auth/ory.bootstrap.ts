import { Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { OryConfiguration } from '../config/configuration.js';
import { unavailable } from '../core/vendor.call.js';
import type { AuditService } from '../audit/audit.service.js';
import type { HydraClient } from '../hydra/hydra.client.js';
import { ownClients } from '../hydra/hydra.clients.js';
import type { KratosClient } from '../kratos/kratos.client.js';
import { isAdministrator, toProviderIdentity } from '../kratos/kratos.session.js';
import type { UsersService } from '../users/users.service.js';

const firstDelay = 250;
const longestDelay = 5000;

/** What the bootstrap calls. */
export interface BootstrapParts {
  readonly kratos: KratosClient;
  readonly hydra: HydraClient;
  readonly users: UsersService;
  readonly audit: AuditService;
}

/**
 * Registers our clients at Hydra and makes the first administrator, idempotently, as soon as Ory is there.
 * Until then the gateway runs and says in `/health/ready` that it isn't ready.
 */
export class OryBootstrap implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #logger = new Logger(OryBootstrap.name);
  readonly #parts: BootstrapParts;
  readonly #configuration: OryConfiguration;
  #done = false;
  #stopped = false;
  #delay = firstDelay;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: BootstrapParts, configuration: OryConfiguration) {
    this.#parts = parts;
    this.#configuration = configuration;
  }

  onApplicationBootstrap(): void {
    void this.#attempt();
  }

  onModuleDestroy(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** @throws {Problem} `provider_unavailable` while the set-up isn't done. */
  requireDone(): void {
    if (!this.#done) {
      throw unavailable('ory_bootstrap_pending');
    }
  }

  /** Ory starts beside us and may be later: what can't be done now is tried again, ever more slowly. */
  async #attempt(): Promise<void> {
    try {
      await Promise.all([this.#registerClients(), this.#makeAdministrator()]);
      this.#done = true;
      this.#logger.log('Hydra clients and administrator are set up');
    } catch (error) {
      if (this.#stopped) {
        return;
      }
      this.#logger.warn('Ory is not there yet', {
        reason: 'ory_bootstrap_pending',
        retryMs: this.#delay,
        err: error,
      });
      this.#timer = setTimeout(() => void this.#attempt(), this.#delay).unref();
      this.#delay = Math.min(this.#delay * 2, longestDelay);
    }
  }

  async #registerClients(): Promise<void> {
    // One after the other: Hydra on SQLite makes writers wait for each other, past any time-out.
    for (const client of ownClients(this.#configuration)) {
      await this.#parts.hydra.ensureClient(client);
    }
    await this.#parts.hydra.ensureSigningKeys();
  }

  async #makeAdministrator(): Promise<void> {
    const { ADMIN_EMAIL: email, ADMIN_PASSWORD: password } = this.#configuration;
    if (email === undefined || password === undefined) {
      return;
    }
    const { kratos, users, audit } = this.#parts;
    const existing = await kratos.findIdentityByEmail(email);
    // Somebody who registered with this address is no administrator: only an identity that was made here is.
    if (existing !== undefined && !isAdministrator(existing)) {
      this.#logger.warn('ADMIN_EMAIL belongs to an ordinary account', { reason: 'administrator_not_made' });
      return;
    }
    const identity = existing ?? (await kratos.createAdministrator(email, password));
    await users.ensureAdministrator(toProviderIdentity(identity));
    if (existing === undefined) {
      await audit.record({ type: 'administrator_created' });
    }
  }
}
