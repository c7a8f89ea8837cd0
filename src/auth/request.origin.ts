import type { FastifyRequest } from 'fastify';
import { usedFrom } from '../session/used.from.js';
import type { RequestOrigin } from './auth.service.js';

/** Where a request comes from, for the audit trail and the list of sessions. */
export function originOf(request: FastifyRequest): RequestOrigin {
  return usedFrom(request);
}
