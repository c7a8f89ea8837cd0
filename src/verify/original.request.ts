import type { FastifyRequest } from 'fastify';

/** The request that a proxy asks about. What nobody trustworthy says is undefined. */
export interface OriginalRequest {
  readonly method: string | undefined;
  /** Path and query, as the proxy wrote them. */
  readonly path: string | undefined;
}

/** What stands before the requirements when a proxy appends the original path (Envoy). */
export const pathPrefix = '/auth/verify/';

/**
 * The original request of a sub-request.
 *
 * Envoy sends the original method and appends the path; the others send a GET with `X-Forwarded-Method` and
 * `X-Forwarded-Uri` (ingress-nginx: `X-Original-Method`, `X-Original-URL`), which only a peer in `TRUST_PROXY` may say.
 */
export function originalRequest(request: FastifyRequest): OriginalRequest {
  if (request.url.startsWith(pathPrefix)) {
    const slash = request.url.indexOf('/', pathPrefix.length);
    return { method: request.method, path: slash === -1 ? undefined : request.url.slice(slash) };
  }
  if (!isFromProxy(request)) {
    return { method: undefined, path: undefined };
  }
  const { headers } = request;
  return {
    method: single(headers['x-forwarded-method'] ?? headers['x-original-method']),
    path: pathOnly(single(headers['x-forwarded-uri'] ?? headers['x-original-url'])),
  };
}

/** Whether the original request opens a WebSocket: a GET after which either side may do anything. */
export function isHandshake({ headers }: FastifyRequest): boolean {
  return (
    headers['sec-websocket-key'] !== undefined ||
    headers.upgrade !== undefined ||
    headers['sec-fetch-mode'] === 'websocket'
  );
}

/** Whether the peer is in `TRUST_PROXY`: only then is there an address beyond it. A proxy sends `X-Forwarded-For`. */
function isFromProxy(request: FastifyRequest): boolean {
  return (request.ips?.length ?? 0) > 1;
}

function single(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Some proxies send the whole URL. Its host is the one of this request, or the request was refused. */
function pathOnly(given: string | undefined): string | undefined {
  return given?.replace(/^https?:\/\/[^/?#]*/i, '');
}
