import { Injectable, Logger } from '@nestjs/common';
import { hydraClientIssuer } from '../auth-strategy/application-administration.js';
import { AuthStrategy } from '../auth-strategy/auth.strategy.js';
import { UserDirectory } from '../directory/users/user-directory.js';
import { PeriodicTask } from '../platform/time/periodic-task.js';
import { RevocationService } from '../session/revocation/revocation.service.js';

const failure = {
  message: 'an application of a deleted organisation cannot be removed',
  reason: 'orphan_not_removed',
};

/**
 * Removes the applications of organisations that were deleted: at once, and once an hour those that couldn't be removed then. Any
 * number of replicas may do so.
 */
@Injectable()
export class OrphanedApplications extends PeriodicTask {
  readonly #logger = new Logger(OrphanedApplications.name);

  constructor(
    private readonly strategy: AuthStrategy,
    private readonly users: UserDirectory,
    private readonly revocations: RevocationService,
  ) {
    super(failure);
  }

  /** Removes them, and ends the tokens of machines among them. It doesn't fail: what is left is for the next time. */
  async remove(): Promise<void> {
    try {
      for (const id of (await this.strategy.applications?.orphans()) ?? []) {
        await this.#remove(id);
      }
    } catch (error) {
      this.#warn(error);
    }
  }

  protected override run(): Promise<void> {
    return this.remove();
  }

  async #remove(id: string): Promise<void> {
    const { applications } = this.strategy;
    try {
      const machine = await this.users.findByIdentity(hydraClientIssuer, id);
      if (machine !== undefined) {
        await this.revocations.invalidate('user', machine.id);
      }
      await applications?.exclusively(id, async () => applications.remove(id));
    } catch (error) {
      this.#warn(error);
    }
  }

  #warn(error: unknown): void {
    this.#logger.warn(failure.message, { reason: failure.reason, err: error });
  }
}
