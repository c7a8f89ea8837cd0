import { v7 } from 'uuid';

/**
 * A new id: UUID v7 (RFC 9562), lower case, ordered by time.
 * @param moment the time in it, in milliseconds since the epoch, where it must be the injected clock's.
 * @param sequence orders ids of the same millisecond; from 0 to 2^31.
 */
export function newId(moment?: number, sequence?: number): string {
  return moment === undefined
    ? v7()
    : v7(sequence === undefined ? { msecs: moment } : { msecs: moment, seq: sequence });
}

/** The lowest UUID v7 of this time (milliseconds since the epoch): none of it or of a later time is lower. */
export function lowestId(moment: number): string {
  const hex = Math.max(0, Math.floor(moment)).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}

/** The time in a UUID v7: its first 48 bits are milliseconds since the epoch (RFC 9562 section 5.7). */
export function timestampOf(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/** The last 32 bits of a UUID v7, which are random (RFC 9562 section 5.7). */
export function randomOf(id: string): number {
  return Number.parseInt(id.slice(-8), 16);
}
