import type { FastifyRequest } from 'fastify';

/**
 * Whether a user's browser loads a page with this request, so that a redirect or an HTML page helps. API calls (fetch, XHR, curl)
 * never count: they get problem+json. (Fetch Metadata; older browsers by Accept.)
 */
export function isNavigation(request: FastifyRequest): boolean {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return false;
  }
  const mode = request.headers['sec-fetch-mode'];
  return mode === undefined ? acceptsHtml(request) : mode === 'navigate';
}

/** Whether the caller accepts HTML by name. */
export function acceptsHtml(request: FastifyRequest): boolean {
  return request.headers.accept?.includes('text/html') === true;
}

/** Whether a browser loads the script of a service worker, which would see every later page load of its origin (Service Workers). */
export function isServiceWorker({ headers }: FastifyRequest): boolean {
  return headers['service-worker'] !== undefined || headers['sec-fetch-dest'] === 'serviceworker';
}
