import type { FastifyRequest } from 'fastify';
import type { UsedFrom } from './session.repository.js';

const maximumLength = 300;

/** Where a request comes from, and what the audit trail names it by. */
export interface RequestUse extends UsedFrom {
  readonly requestId: string;
  readonly remoteAddress: string;
}

/** Where a request comes from, as the list of sessions and the audit trail show it. */
export function usedFrom(request: FastifyRequest): RequestUse {
  return {
    userAgent: request.headers['user-agent']?.slice(0, maximumLength) ?? null,
    remoteAddress: request.ip,
    requestId: request.id,
  };
}
