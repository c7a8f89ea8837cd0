import type { Selectable } from 'kysely';
import { Database } from '../../platform/database/database.schema.js';

/** A stream of security events to another system (OpenID Shared Signals). */
export interface SignalStreamsTable {
  id: string;
  /** The user, or the service account, who made it and alone may use it. */
  owner_id: string;
  /** The OAuth client that the owner calls with, or the one that stands for API keys. */
  client_id: string;
  /** The API key that made or changed it last, or the service account: nothing is pushed after its end. */
  credential_id: string;
  description: string | null;
  method: 'push' | 'poll';
  /** Where events are pushed. */
  endpoint_url: string | null;
  /** The header `Authorization` of pushes, inside a compact JWE. */
  sealed_authorization: string | null;
  /** Types of events that the receiver asks for, as JSON. */
  events: string;
  status: 'enabled' | 'paused' | 'disabled';
  /** Why it has this status, as its receiver or the gateway states it. */
  reason: string | null;
  /** All revocations that were recorded before have been received. */
  settled_at: number;
  /** Id and state of a verification event that hasn't been received; null if there is none. */
  verification_id: string | null;
  verification_state: string | null;
  /** When a verification event was last asked for. */
  verification_at: number;
  /** Failed pushes since the last one that succeeded. */
  failures: number;
  /** Nothing is pushed before: the last push failed. */
  next_attempt_at: number;
  /** No other process pushes before: one is at it. */
  claimed_until: number;
  created_at: number;
}

/** What the receiver of a stream has received, since `settled_at`. */
export interface SignalReceiptsTable {
  stream_id: string;
  revocation_id: string;
  recorded_at: number;
}

/** Keys that sign security events. Times are milliseconds since the epoch. */
export interface SignalKeysTable {
  /** 1, 2, 3 …: of replicas that make the next key at once, one does. */
  generation: number;
  kid: string;
  /** As JSON. */
  public_jwk: string;
  /** As JSON, inside a compact JWE. */
  private_jwk: string;
  created_at: number;
  /** It is published from the beginning, and signs from then on. */
  signs_from: number;
}

/** The tables of streams, and of the keys that sign their events. */
export interface SignalTables {
  signal_streams: SignalStreamsTable;
  signal_receipts: SignalReceiptsTable;
  signal_keys: SignalKeysTable;
}

/** The database, with the tables of streams. */
export abstract class SignalDatabase extends Database<SignalTables> {}

export type SignalStreamRow = Selectable<SignalStreamsTable>;
export type SignalKeyRow = Selectable<SignalKeysTable>;
