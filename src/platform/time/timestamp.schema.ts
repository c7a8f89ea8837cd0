import { z } from 'zod';

/** A timestamp, as answers have it. */
export const timestamp = z.iso
  .datetime()
  .meta({ description: 'ISO 8601 in UTC.', example: '2026-01-31T12:00:00.000Z' });

/** Milliseconds since the epoch → a timestamp, as answers have it; null stays null. */
export function toTimestamp(milliseconds: number): string;
export function toTimestamp(milliseconds: number | null): string | null;
export function toTimestamp(milliseconds: number | null): string | null {
  return milliseconds === null ? null : new Date(milliseconds).toISOString();
}
