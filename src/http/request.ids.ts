import { randomUUID } from 'node:crypto';

/** Digits that count: as many as the last group of a UUID has. */
const digits = 12;

/**
 * Ids of requests: UUIDs (RFC 9562, version 4) whose last group counts. The ids of one process begin alike, and those of others
 * otherwise. They find lines in a log and are no secret: for nobody's guess is each of them worth random bytes of its own.
 */
export function requestIds(): () => string {
  const start = randomUUID().slice(0, -digits);
  let count = 0;
  return () => {
    count += 1;
    return start + count.toString(16).padStart(digits, '0');
  };
}
