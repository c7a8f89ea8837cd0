import type { FastifyRequest } from 'fastify';
import { Problem } from '../../platform/errors/problem.error.js';
import { isServiceWorker } from '../../platform/http/navigation.js';

/**
 * Requires that a user's browser really goes to this address, in its window. A step of a login on a host must not be taken by a frame,
 * by a script, by a page that is only prefetched, or by a HEAD of a program that looks at links. Old browsers send no Fetch Metadata.
 * @throws {Problem} `method_not_allowed`, `forbidden`
 */
export function requireTopLevel(request: FastifyRequest): void {
  const { method, headers } = request;
  if (method !== 'GET') {
    throw new Problem('method_not_allowed', { headers: { allow: 'GET' } });
  }
  const { 'sec-fetch-dest': destination = 'document', 'sec-purpose': purpose = '' } = headers;
  if (destination !== 'document' || String(purpose).includes('prefetch') || isServiceWorker(request)) {
    throw new Problem('forbidden', {
      detail: 'Open this address in a window of the browser: not in a frame, by a script or ahead of time.',
      reason: 'host_login_not_top_level',
    });
  }
}
