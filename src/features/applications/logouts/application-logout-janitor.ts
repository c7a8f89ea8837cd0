import { Injectable } from '@nestjs/common';
import { PeriodicTask } from '../../../platform/time/periodic-task.js';
import { hasLogoutAddress } from '../../../providers/ory/hydra/application-logout-address.js';
import { HydraApplications } from '../../../providers/ory/hydra/hydra-applications.js';
import { HydraClient } from '../../../providers/ory/hydra/hydra.client.js';
import { ApplicationList } from '../application-list.js';
import { ApplicationRegistry } from '../application-registry.js';
import { ApplicationLogoutRepository } from './application-logout.repository.js';

/** Applications that are read at once. */
const page = 50;

/**
 * Removes old logouts, and has Hydra report to the gateway what it reports to applications: those that an older version registered, and all
 * when `BACKCHANNEL_LOGOUT_URL` changes. It begins an hour after the start, when no replica of an older version is left that would refuse
 * Hydra's word (docs/adr/0051).
 */
@Injectable()
export class ApplicationLogoutJanitor extends PeriodicTask {
  #areAllRegistered = false;

  constructor(
    private readonly repository: ApplicationLogoutRepository,
    private readonly list: ApplicationList,
    private readonly registry: ApplicationRegistry,
    private readonly applications: HydraApplications,
    private readonly hydra: HydraClient,
  ) {
    super({
      message: 'logouts of applications cannot be cleaned up',
      reason: 'application_logout_purge_failed',
    });
  }

  protected override async run(): Promise<void> {
    await this.repository.removeOld();
    if (!this.#areAllRegistered) {
      await this.registerAll();
      this.#areAllRegistered = true;
    }
  }

  /** Has Hydra report to the gateway what it reports to applications, for all that are told of logouts. */
  async registerAll(): Promise<void> {
    let failure: unknown;
    for (let after: string | undefined; ;) {
      const applications = await this.list.list({ limit: page, after });
      for (const { id, backchannelLogoutUri } of applications) {
        if (backchannelLogoutUri !== null && !this.isOver) {
          await this.applications
            .exclusively(id, async () => this.#register(id))
            .catch((error: unknown) => {
              // One that Hydra doesn't take keeps no other from it.
              failure = error;
            });
        }
      }
      after = applications.at(-1)?.id;
      if (after === undefined || this.isOver) {
        break;
      }
    }
    if (failure !== undefined) {
      throw failure;
    }
  }

  async #register(id: string): Promise<void> {
    const uri = (await this.applications.find(id))?.backchannelLogoutUri;
    if (uri) {
      const address = this.registry.logoutAddressOf(uri);
      if (!hasLogoutAddress(await this.hydra.client(id), address)) {
        await this.hydra.setLogoutAddress(id, address);
      }
    }
  }
}
