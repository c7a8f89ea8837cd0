import type { Selectable } from 'kysely';
import { Database } from '../../platform/database/database.schema.js';

/**
 * - `pending`: the user hasn't decided
 * - `allowed`: they have, and the browser is on its way through Hydra
 * - `ready`: the device may have its tokens
 * - `redeeming`: Hydra is asked for them
 * - `denied`: the user doesn't want it, or Hydra refused it
 */
export type DeviceLoginState = 'pending' | 'allowed' | 'ready' | 'redeeming' | 'denied';

/** Logins on devices, from the request of a device until it has its tokens. Times are milliseconds since the epoch. */
export interface DeviceLoginsTable {
  /** SHA-256 of the device code in hex. */
  device_hash: string;
  /** The keyed hash of the user code. */
  user_hash: string;
  client_id: string;
  /** The scope that the device asks for, separated by blanks. */
  scope: string;
  /** The name of the machine, as it states it; null for an application. */
  machine: string | null;
  state: DeviceLoginState;
  /** The session in which a user allows it. */
  session_id: string | null;
  /** SHA-256 of the `state` of the authorization request in hex. */
  request_hash: string | null;
  /** Of an application: the encrypted code verifier, and the code of Hydra's once there is one. */
  sealed: string | null;
  /** Where the device asked from. */
  asked_from: string;
  asked_at: number;
  /** Seconds between two requests of the device. */
  poll_interval: number;
  polled_at: number;
  expires_at: number;
}

/** The database, with the table of logins on devices. */
export abstract class DeviceDatabase extends Database<{ device_logins: DeviceLoginsTable }> {}

export type DeviceLoginRow = Selectable<DeviceLoginsTable>;
