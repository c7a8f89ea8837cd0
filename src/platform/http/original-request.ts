import type { FastifyRequest } from 'fastify';

/** The request that a proxy asks about. A field is undefined if no trusted proxy sent it. */
export interface OriginalRequest {
  readonly method: string | undefined;
  /** Path and query, as the proxy wrote them. */
  readonly path: string | undefined;
}

/** The prefix of the requirements in the path, if a proxy appends the original path (Envoy). */
export const pathPrefix = '/auth/verify/';

/**
 * The original request of a sub-request.
 *
 * Envoy sends the original method and appends the path. The other proxies send a GET with `X-Forwarded-Method` and
 * `X-Forwarded-Uri` (ingress-nginx: `X-Original-Method`, `X-Original-URL`). These headers are used only if the peer is in
 * `TRUST_PROXY`.
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

/** Whether the original request opens a WebSocket. It is a GET, but either side may send anything afterwards. */
export function isHandshake({ headers }: FastifyRequest): boolean {
  return (
    headers['sec-websocket-key'] !== undefined ||
    headers.upgrade !== undefined ||
    headers['sec-fetch-mode'] === 'websocket'
  );
}

/** Whether the peer is in `TRUST_PROXY` and sent `X-Forwarded-For`: only then does Fastify list several addresses. */
function isFromProxy(request: FastifyRequest): boolean {
  return (request.ips?.length ?? 0) > 1;
}

function single(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/**
 * The path and query of a URL, because some proxies send the whole URL. Its host isn't needed: it repeats the request's own host,
 * and requests for any host but the public one are refused.
 */
function pathOnly(given: string | undefined): string | undefined {
  return given?.replace(/^https?:\/\/[^/?#]*/i, '');
}
