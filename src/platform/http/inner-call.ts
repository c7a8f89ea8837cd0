import { randomUUID } from 'node:crypto';
import type { FastifyRequest } from 'fastify';

const name = 'x-vestibule-inner-call';
const secret = randomUUID();

/** The header by which this process recognises a page's own call of the API; its value never leaves the process. */
export const innerCallHeaders: Readonly<Record<string, string>> = { [name]: secret };

/** Whether a page of this process makes the request, and not a client: the page's request has a log line already. */
export function isInnerCall({ headers }: Pick<FastifyRequest, 'headers'>): boolean {
  return headers[name] === secret;
}
