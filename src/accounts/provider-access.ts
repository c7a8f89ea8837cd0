import { Injectable, Logger } from '@nestjs/common';
import { AuthStrategy } from '../auth-strategy/auth.strategy.js';
import { type ClaimedUser, UserChanges } from '../directory/users/user-changes.js';
import { allDone } from '../platform/core/settled.js';
import { ProviderLogouts } from './provider-logouts.js';
import { DatabaseLocks } from '../platform/database/database-locks.js';
import { PeriodicTask } from '../platform/time/periodic-task.js';

const failure = {
  message: 'a disabled user may still log in at the provider',
  reason: 'identity_not_disabled',
};

/**
 * Gives and takes users' access to the login provider, as far as the gateway administers it. What could not be taken is taken once it can
 * be, by any replica. Changes of one user take turns, on all replicas.
 */
@Injectable()
export class ProviderAccess extends PeriodicTask {
  readonly #logger = new Logger(ProviderAccess.name);

  constructor(
    private readonly strategy: AuthStrategy,
    private readonly changes: UserChanges,
    private readonly locks: DatabaseLocks,
    /** What ends sessions there. */
    readonly logouts: ProviderLogouts,
  ) {
    super({ ...failure, every: 60_000, level: 'error' });
  }

  /**
   * Gives access around a change that enables a user, and takes it again if that isn't made.
   * @param claim notes that access is to be taken, and throws if the change may not be made.
   * @param change enables the user, by what `claim` returned.
   * @throws {Problem} `provider_unavailable`; what `claim` and `change` throw.
   */
  async giveFor<C, T>(
    userId: string,
    claim: () => Promise<C>,
    change: (claimed: C) => Promise<T>,
  ): Promise<T> {
    return this.inTurn(userId, async () => {
      const claimed = await claim();
      try {
        await this.#setActive(userId, true);
        return await change(claimed);
      } catch (error) {
        await this.#quietly(userId, () => this.#takeNow(userId));
        throw error;
      }
    });
  }

  /** Does something while nobody else changes this user's access, on any replica. @throws {Problem} `overloaded`; what it throws. */
  async inTurn<T>(userId: string, act: () => Promise<T>): Promise<T> {
    return this.locks.run(`provider access ${userId}`, act);
  }

  /** Takes a disabled user's access. It doesn't fail: what is left is for the next time. */
  async take(userId: string): Promise<void> {
    await this.#quietly(userId, () => this.inTurn(userId, () => this.#takeNow(userId)));
  }

  /** Takes the access of everybody of whom it is still to be taken. */
  async takeLeft(): Promise<void> {
    let last = '';
    for (;;) {
      const ids = await this.changes.listWithProviderAccess(last);
      for (const id of ids) {
        await this.take(id);
      }
      const end = ids.at(-1);
      if (end === undefined || this.isOver) {
        return;
      }
      last = end;
    }
  }

  /** Deletes identities there. @throws {Problem} `provider_unavailable` */
  async delete(identities: ClaimedUser['identities']): Promise<void> {
    const administration = this.strategy.identities;
    for (const { issuer, subject } of identities) {
      if (administration?.has(issuer) === true) {
        await administration.delete(subject);
      }
    }
  }

  protected override run(): Promise<void> {
    return this.takeLeft();
  }

  async #takeNow(userId: string): Promise<void> {
    if (await this.changes.hasProviderAccess(userId)) {
      await this.#setActive(userId, false);
      await this.changes.markProviderAccessTaken(userId);
    }
  }

  async #setActive(userId: string, active: boolean): Promise<void> {
    const administration = this.strategy.identities;
    if (administration === undefined) {
      return;
    }
    const identities = await this.changes.identitiesOf(userId);
    const administered = identities.filter(({ issuer }) => administration.has(issuer));
    await allDone(administered.map(({ subject }) => administration.setActive(subject, active)));
  }

  async #quietly(userId: string, act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.#logger.error(failure.message, { reason: failure.reason, userId, err: error });
    }
  }
}
