import { Injectable } from '@nestjs/common';
import { DatabaseLocks } from '../../../platform/database/database-locks.js';

/** Ends a hold. Safe to repeat. */
export type Release = () => void;

/**
 * Locks of identities at Kratos, across replicas. Kratos reads an identity with its credentials, and writes it back whole: of two changes at
 * once, the one that was read earlier and written later undoes the other, say a new password.
 */
@Injectable()
export class IdentityLocks {
  constructor(private readonly locks: DatabaseLocks) {}

  /** Changes an identity while nothing else of the gateway does. It can't be nested. @throws {Problem} `overloaded` if its turn doesn't come; whatever it throws. */
  async run<T>(id: string, change: () => Promise<T>): Promise<T> {
    return this.locks.run(`identity ${id}`, change);
  }

  /** Holds an identity's lock until it's released, for a change that isn't one call. @throws {Problem} `overloaded` */
  async hold(id: string): Promise<Release> {
    return new Promise((resolve, reject) => {
      this.run(id, async () => new Promise<void>((release) => resolve(release))).catch(reject);
    });
  }
}
