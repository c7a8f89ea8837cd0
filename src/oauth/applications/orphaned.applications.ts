import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { AuthStrategy } from '../../auth-strategy/auth.strategy.js';
import { UserDirectory } from '../../directory/users/user.directory.js';
import { RevocationService } from '../../session/revocation/revocation.service.js';
import { hydraClientIssuer } from '../service-clients.service.js';

const cycleMilliseconds = 3_600_000;

/**
 * Removes the applications of organisations that were deleted: at once, and once an hour those that couldn't be removed then. Any
 * number of replicas may do so.
 */
@Injectable()
export class OrphanedApplications implements OnModuleInit, OnModuleDestroy {
  readonly #logger = new Logger(OrphanedApplications.name);
  readonly #strategy: AuthStrategy;
  readonly #users: UserDirectory;
  readonly #revocations: RevocationService;
  #timer: NodeJS.Timeout | undefined;

  constructor(strategy: AuthStrategy, users: UserDirectory, revocations: RevocationService) {
    this.#strategy = strategy;
    this.#users = users;
    this.#revocations = revocations;
  }

  onModuleInit(): void {
    this.#timer = setInterval(() => void this.remove(), cycleMilliseconds).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.#timer);
  }

  /** Removes them, and ends the tokens of machines among them. It doesn't fail: what is left is for the next time. */
  async remove(): Promise<void> {
    try {
      for (const id of (await this.#strategy.applications?.orphans()) ?? []) {
        await this.#remove(id);
      }
    } catch (error) {
      this.#warn(error);
    }
  }

  async #remove(id: string): Promise<void> {
    const { applications } = this.#strategy;
    try {
      const machine = await this.#users.findByIdentity(hydraClientIssuer, id);
      if (machine !== undefined) {
        await this.#revocations.invalidate('user', machine.id);
      }
      await applications?.exclusively(id, async () => applications.remove(id));
    } catch (error) {
      this.#warn(error);
    }
  }

  #warn(error: unknown): void {
    this.#logger.warn('an application of a deleted organisation cannot be removed', {
      reason: 'orphan_not_removed',
      err: error,
    });
  }
}
