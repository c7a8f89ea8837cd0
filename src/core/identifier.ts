import { v7 } from 'uuid';

/** A new id: UUID v7 (RFC 9562), lower case, ordered by time. */
export function newId(): string {
  return v7();
}
