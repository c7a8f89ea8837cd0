import { randomUUID } from 'node:crypto';

/** Digits of the counter: as many as the last group of a UUID has. */
const digits = 12;

/**
 * Makes ids of requests: UUIDs (RFC 9562, version 4) whose last group is a counter. The ids of one process begin alike, and differ
 * from those of others. They find lines in a log and aren't secret, so they needn't be unguessable and take no random bytes each.
 */
export function requestIds(): () => string {
  const start = randomUUID().slice(0, -digits);
  let count = 0;
  return () => {
    count += 1;
    return start + count.toString(16).padStart(digits, '0');
  };
}
