import type { FastifyRequest } from 'fastify';

const longestUserAgent = 300;
const longestLanguages = 100;

/** The client of a request, for the audit trail and the list of sessions. */
export interface ClientInfo {
  /** The User-Agent header, cut to 300 characters. */
  readonly userAgent: string | null;
  /** IP address, as far as the proxies in front are trusted (`TRUST_PROXY`). */
  readonly remoteAddress: string;
  readonly requestId: string;
  /** The `Accept-Language` header, cut to 100 characters. */
  readonly languages?: string | undefined;
}

/** The client of a request. */
export function clientInfoOf(request: FastifyRequest): ClientInfo {
  return {
    userAgent: request.headers['user-agent']?.slice(0, longestUserAgent) ?? null,
    remoteAddress: request.ip,
    requestId: request.id,
    languages: request.headers['accept-language']?.slice(0, longestLanguages),
  };
}
