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

/** Whether a browser loads a document into a window with this request now, by what it says itself (Fetch Metadata): no frame, no prefetch, no script. */
export function isDocumentLoad({ headers }: FastifyRequest): boolean {
  return (
    headers['sec-fetch-mode'] === 'navigate' &&
    headers['sec-fetch-dest'] === 'document' &&
    headers['sec-purpose'] === undefined &&
    headers['purpose'] === undefined &&
    headers['x-moz'] === undefined
  );
}

/** Whether the caller accepts HTML by name. */
export function acceptsHtml(request: FastifyRequest): boolean {
  return request.headers.accept?.includes('text/html') === true;
}

/** Whether a browser loads the script of a service worker, which would see every later page load of its origin (Service Workers). */
export function isServiceWorker({ headers }: FastifyRequest): boolean {
  return headers['service-worker'] !== undefined || headers['sec-fetch-dest'] === 'serviceworker';
}
