import { z } from 'zod';
import { noticeIn } from '../views/notice.view.js';

/** Query of a page with a list: where it begins, and what has just been done. */
export const listQuerySchema = z.object({
  after: z.string().optional().catch(undefined),
  notice: z.string().optional().catch(undefined).transform(noticeIn),
});

export type ListQuery = z.output<typeof listQuerySchema>;
