import { z } from 'zod';
import type { SessionPages } from './views/sessions.view.js';

/** A cursor in a page's query. Anything but a single string counts as none. */
export const cursorSchema = z.string().optional().catch(undefined);

/** Sessions on one page. */
const sessionsAtOnce = 20;

/** Path of the API for a page of a list of sessions. @param cursor undefined for the first one. */
export function sessionsAt(path: string, cursor: string | undefined): string {
  const after = cursor === undefined ? {} : { cursor };
  return `${path}?${new URLSearchParams({ limit: String(sessionsAtOnce), ...after })}`;
}

/**
 * The place of a page in a list of sessions.
 * @param page path of the page that shows it. @param nextCursor cursor of the next one; null on the last one.
 */
export function sessionPagesOf(
  page: string,
  cursor: string | undefined,
  nextCursor: string | null,
): SessionPages {
  const older =
    nextCursor === null
      ? undefined
      : `${page}?${new URLSearchParams({ sessions: nextCursor })}#sessions-title`;
  return { isLater: cursor !== undefined, older };
}
