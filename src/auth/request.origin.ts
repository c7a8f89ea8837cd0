import type { FastifyRequest } from 'fastify';
import type { RequestOrigin } from './auth.service.js';

/** Where a request comes from, for the audit trail. */
export function originOf(request: FastifyRequest): RequestOrigin {
  return { requestId: request.id, remoteAddress: request.ip };
}
