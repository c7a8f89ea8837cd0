import type { FastifyReply, FastifyRequest } from 'fastify';
import { mergeCookies } from '../http/cookie.reader.js';

/** The Cookie header that the browser will send once it has this answer. */
export function cookieAfter(request: FastifyRequest, reply: FastifyReply): string {
  const set = [reply.getHeader('set-cookie') ?? []].flat();
  return mergeCookies(
    request.headers.cookie,
    set.filter((cookie) => typeof cookie === 'string'),
  );
}
