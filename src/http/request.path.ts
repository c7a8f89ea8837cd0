import type { FastifyRequest } from 'fastify';

/** The path without its query: a query may hold a code or a challenge, and those stay out of logs. */
export function pathOf(request: Pick<FastifyRequest, 'url'>): string {
  const end = request.url.indexOf('?');
  return end === -1 ? request.url : request.url.slice(0, end);
}
