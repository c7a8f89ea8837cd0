import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Problem } from '../core/problem.error.js';
import type { PageNotice } from './views/notice.view.js';

/** A text field of a form: what can't be one is an empty one, which the API judges. */
export const formField = z.string().catch('');

/** For answers without content. */
export const noContent = z.undefined();

/** After a form: the page that shows what has become of it. */
export async function seeOther(reply: FastifyReply, path: string, notice?: PageNotice): Promise<void> {
  await reply.redirect(notice === undefined ? path : `${path}?${new URLSearchParams({ notice })}`, 303);
}

/**
 * The notice for a change that can have been made already: the page was open for a while, or the button was pressed twice.
 * @param done said of an answer.
 * @param gone said when what was to be changed isn't there any more.
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
