import type { FastifyRequest } from 'fastify';
import type { UsedFrom } from './session.repository.js';

const maximumLength = 300;

/** Where a request comes from, as the list of sessions shows it. */
export function usedFrom(request: FastifyRequest): UsedFrom {
  return {
    userAgent: request.headers['user-agent']?.slice(0, maximumLength) ?? null,
    remoteAddress: request.ip,
  };
}
