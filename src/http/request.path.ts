import type { FastifyRequest } from 'fastify';

/** The path without its query: a query may hold a code or a challenge, and those stay out of logs. */
export function pathOf(request: Pick<FastifyRequest, 'url'>): string {
  return request.url.split('?', 1)[0] ?? '';
}
