import { v7 } from 'uuid';

/**
 * A new id: UUID v7 (RFC 9562), lower case, ordered by time.
 * @param moment the time in it, in milliseconds since the epoch, where it must be the injected clock's.
 */
export function newId(moment?: number): string {
  return moment === undefined ? v7() : v7({ msecs: moment });
}

/** The moment in a UUID v7: its first 48 bits are milliseconds since the epoch (RFC 9562 section 5.7). */
export function momentOf(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/** The smallest id of a moment (milliseconds): whatever was made before has a smaller one. */
export function firstIdOf(moment: number): string {
  const hex = Math.max(0, moment).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}
