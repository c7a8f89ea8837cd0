import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { allDone } from '../../platform/core/settled.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { OryConfiguration } from '../../platform/config/configuration.js';
import { unavailable, vendorTimeout } from '../../platform/upstream/vendor-call.js';
import { HydraClient } from './hydra/hydra.client.js';
import { ownClients, retiredClientIds } from './hydra/hydra-clients.js';
import { HydraSigningKeys } from './hydra/hydra-signing-keys.js';
import { KratosClient } from './kratos/kratos.client.js';
import { isAdministrator, toProviderIdentity } from './kratos/kratos-session.js';
import { UsersService } from '../../directory/users/users.service.js';
import { AdministratorAppointment } from '../../accounts/administrator-appointment.js';
import type { SetUpState } from '../../auth-strategy/auth.strategy.js';

const firstDelay = 250;
const longestDelay = 5000;

/**
 * Sets up Ory as soon as it can be reached: makes Hydra's signing keys, registers our clients there, idempotently, and makes the
 * first administrator, once. Until then the gateway runs and reports in `/health/ready` that it isn't ready. Until the keys exist
 * it forwards no request to Hydra, which would make more of them.
 */
@Injectable()
export class OryBootstrap implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #logger = new Logger(OryBootstrap.name);
  #state: SetUpState = 'pending';
  #hasKeys = false;
  /** The attempt that is under way. */
  #running: Promise<void> | undefined;
  #stopped = false;
  #delay = firstDelay;
  #timer: NodeJS.Timeout | undefined;

  readonly #configuration: OryConfiguration;

  constructor(
    private readonly kratos: KratosClient,
    private readonly hydra: HydraClient,
    private readonly hydraKeys: HydraSigningKeys,
    private readonly users: UsersService,
    private readonly appointment: AdministratorAppointment,
    @Inject(CONFIGURATION) configuration: OryConfiguration,
  ) {
    this.#configuration = configuration;
  }

  onApplicationBootstrap(): void {
    this.#begin();
  }

  onModuleDestroy(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  state(): SetUpState {
    return this.#state;
  }

  /** Requires a finished set-up. @throws {Problem} `provider_unavailable` while it isn't done. */
  requireDone(): void {
    if (this.#state !== 'done') {
      throw unavailable('ory_bootstrap_pending');
    }
  }

  /** Waits briefly while Hydra's keys are made. @throws {Problem} `provider_unavailable` while they don't exist. */
  async requireKeys(): Promise<void> {
    if (!this.#hasKeys && this.#running === undefined && !this.#stopped) {
      // Between two attempts: a request at this time needn't wait for the next one.
      clearTimeout(this.#timer);
      this.#begin();
    }
    if (!this.#hasKeys) {
      const limit = AbortSignal.timeout(vendorTimeout);
      await Promise.race([this.#running, new Promise((resolve) => limit.addEventListener('abort', resolve))]);
    }
    if (!this.#hasKeys) {
      throw unavailable('hydra_keys_missing');
    }
  }

  #begin(): void {
    this.#running = this.#attempt().finally(() => {
      this.#running = undefined;
    });
  }

  /** Tries the set-up once. Ory starts beside the gateway and may be later: a failed attempt is repeated, at growing intervals. */
  async #attempt(): Promise<void> {
    try {
      // Both run to their end: if Kratos isn't there yet, a login must still learn that Hydra's keys are being made.
      await allDone([this.#setUpHydra(), this.#makeAdministrator()]);
      this.#state = 'done';
      this.#logger.log('Hydra keys, clients and administrator are set up');
    } catch (error) {
      if (this.#stopped) {
        return;
      }
      this.#state = 'failing';
      this.#logger.warn('Ory is not there yet', {
        reason: 'ory_bootstrap_pending',
        retryMs: this.#delay,
        err: error,
      });
      this.#timer = setTimeout(() => this.#begin(), this.#delay).unref();
      this.#delay = Math.min(this.#delay * 2, longestDelay);
    }
  }

  async #setUpHydra(): Promise<void> {
    await this.hydraKeys.ensure();
    this.#hasKeys = true;
    // One after the other: Hydra on SQLite makes writers wait for each other, beyond any time-out.
    for (const client of ownClients(this.#configuration)) {
      await this.hydra.ensureClient(client);
    }
    for (const id of retiredClientIds) {
      await this.hydra.removeClient(id);
    }
  }

  async #makeAdministrator(): Promise<void> {
    const { ADMIN_EMAIL: email, ADMIN_PASSWORD: password } = this.#configuration;
    if (email === undefined || password === undefined) {
      return;
    }
    const { kratos, users, appointment } = this;
    const existing = await kratos.findIdentityByEmail(email);
    if (existing !== undefined && (await appointment.isAdministrator(toProviderIdentity(existing)))) {
      return;
    }
    // A user who registered with this address isn't administrator until they have verified it and logged in.
    if (existing !== undefined && !isAdministrator(existing)) {
      this.#logger.warn('ADMIN_EMAIL belongs to an ordinary account', { reason: 'administrator_not_made' });
      return;
    }
    if (await appointment.wasMade()) {
      await appointment.refuse(existing === undefined ? 'not_created_again' : 'not_raised_again', {});
      return;
    }
    const identity = existing ?? (await kratos.createAdministrator(email, password));
    await appointment.appoint(await users.ensure(toProviderIdentity(identity)), {});
  }
}
