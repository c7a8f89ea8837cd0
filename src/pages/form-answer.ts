import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Problem } from '../platform/errors/problem.error.js';
import type { PageNotice } from './views/notice.view.js';

/** A text field of a form. Anything that isn't a string counts as empty, and the API validates that. */
export const formField = z.string().catch('');

/** Schema of responses without content. */
export const noContent = z.undefined();

/** Redirects from a form to the page that shows its result. @param more of the query, beside the notice. */
export async function seeOther(
  reply: FastifyReply,
  path: string,
  notice?: PageNotice,
  more?: URLSearchParams,
): Promise<void> {
  const query = new URLSearchParams([...(notice === undefined ? [] : [['notice', notice]]), ...(more ?? [])]);
  await reply.redirect(query.size === 0 ? path : `${path}?${query}`, 303);
}

/**
 * The notice for a change that may have been made already: the page was open for a while, or the button was pressed twice.
 * @param done notice for a successful change.
 * @param gone notice if the object of the change no longer exists.
 */
export async function noticeOf<Answer>(
  change: Promise<Answer>,
  done: PageNotice | ((answer: Answer) => PageNotice),
  gone: PageNotice,
): Promise<PageNotice> {
  try {
    const answer = await change;
    return typeof done === 'string' ? done : done(answer);
  } catch (error) {
    if (error instanceof Problem && (error.code === 'not_found' || error.code === 'gone')) {
      return gone;
    }
    throw error;
  }
}
