import { Injectable } from '@nestjs/common';
import { isUniqueViolation } from '../../platform/database/unique-violation.js';
import { Clock } from '../../platform/time/clock.service.js';
import { DeviceDatabase, type DeviceLoginRow, type DeviceLoginState } from './device.schema.js';

/** Milliseconds for which an expired login is kept, so that its device is told that it has expired. */
const keptFor = 600_000;

/** Stores logins on devices. */
@Injectable()
export class DeviceLoginRepository {
  constructor(
    private readonly database: DeviceDatabase,
    private readonly clock: Clock,
  ) {}

  /** Stores a login, and removes those that expired long ago. @returns false if another one has its user code. */
  async add(login: DeviceLoginRow): Promise<boolean> {
    await this.database.query
      .deleteFrom('device_logins')
      .where('expires_at', '<', this.clock.now() - keptFor)
      .execute();
    try {
      await this.database.query.insertInto('device_logins').values(login).execute();
      return true;
    } catch (error) {
      if (isUniqueViolation(error)) {
        return false;
      }
      throw error;
    }
  }

  /** @param deviceHash of its device code. */
  async find(deviceHash: string): Promise<DeviceLoginRow | undefined> {
    return this.database.query
      .selectFrom('device_logins')
      .selectAll()
      .where('device_hash', '=', deviceHash)
      .executeTakeFirst();
  }

  /** A login that hasn't expired. @param userHashes of its user code, under each of the secrets. */
  async findByUserCode(userHashes: readonly string[]): Promise<DeviceLoginRow | undefined> {
    return this.database.query
      .selectFrom('device_logins')
      .selectAll()
      .where('user_hash', 'in', userHashes)
      .where('expires_at', '>', this.clock.now())
      .executeTakeFirst();
  }

  /** A login that hasn't expired and is on its way through Hydra. */
  async findByRequest(requestHash: string, sessionId: string): Promise<DeviceLoginRow | undefined> {
    return this.database.query
      .selectFrom('device_logins')
      .selectAll()
      .where('request_hash', '=', requestHash)
      .where('session_id', '=', sessionId)
      .where('state', '=', 'allowed')
      .where('expires_at', '>', this.clock.now())
      .executeTakeFirst();
  }

  /** Notes that a device has asked. @returns false if it has asked at the same moment too. */
  async notePoll(
    { device_hash: hash, polled_at: before }: DeviceLoginRow,
    interval: number,
  ): Promise<boolean> {
    const { numUpdatedRows: count } = await this.database.query
      .updateTable('device_logins')
      .set({ polled_at: this.clock.now(), poll_interval: interval })
      .where('device_hash', '=', hash)
      .where('polled_at', '=', before)
      .executeTakeFirst();
    return count > 0n;
  }

  /** Changes a login, unless somebody else has changed its state. @returns whether it did. */
  async change(
    { device_hash: hash, state, request_hash: request }: DeviceLoginRow,
    change: Partial<DeviceLoginRow> & { readonly state: DeviceLoginState },
  ): Promise<boolean> {
    const { numUpdatedRows: count } = await this.database.query
      .updateTable('device_logins')
      .set(change)
      .where('device_hash', '=', hash)
      .where('state', '=', state)
      .where('request_hash', request === null ? 'is' : '=', request)
      .executeTakeFirst();
    return count > 0n;
  }

  async remove(deviceHash: string): Promise<void> {
    await this.database.query.deleteFrom('device_logins').where('device_hash', '=', deviceHash).execute();
  }
}
