import type { FastifyRequest } from 'fastify';

/** The path without its query: a query may contain a code or a challenge, which must stay out of logs. */
export function pathOf(request: Pick<FastifyRequest, 'url'>): string {
  const end = request.url.indexOf('?');
  return end === -1 ? request.url : request.url.slice(0, end);
}
