import { hash, timingSafeEqual } from 'node:crypto';

/** The digest under which a credential is cached. It has 256 bits: no two credentials share one, and none can be found from it. */
export function digestOf(text: string): string {
  return hash('sha256', text, 'binary');
}

/** Whether two texts are the same, in a time that reveals nothing but their lengths. */
export function isSameText(one: string, other: string): boolean {
  const [first, second] = [Buffer.from(one), Buffer.from(other)];
  return first.length === second.length && timingSafeEqual(first, second);
}
