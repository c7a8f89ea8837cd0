import { z } from 'zod';
import { noticeIn } from '../views/notice.view.js';

/** Query of a page with a list: the list's cursor, and the notice of what has just been done. */
export const listQuerySchema = z.object({
  after: z.string().optional().catch(undefined),
  notice: z.string().optional().catch(undefined).transform(noticeIn),
});

export type ListQuery = z.output<typeof listQuerySchema>;
