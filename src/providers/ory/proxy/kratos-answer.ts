import type { FastifyReply, FastifyRequest } from 'fastify';
import { sessionCookie } from '../kratos/kratos-session.js';
import { mergeCookies } from '../../../platform/http/cookie-reader.js';

/** The line that sets Kratos' session cookie, unless it deletes it. */
const sessionLine = new RegExp(`^(?:__Host-)?${sessionCookie}=([^;]+)`);

/** Value of Kratos' session cookie that an answer sets, whatever its name in browsers. */
export function sessionSetBy(reply: FastifyReply): string | undefined {
  return linesOf(reply)
    .map((line) => sessionLine.exec(line)?.[1])
    .find((value) => value !== undefined);
}

/** The Cookie header that the browser will send once it has this answer. */
export function cookieAfter(request: FastifyRequest, reply: FastifyReply): string {
  return mergeCookies(request.headers.cookie, linesOf(reply));
}

/** The URL to which an answer redirects. */
export function redirectOf(reply: FastifyReply): URL | undefined {
  const location = reply.getHeader('location');
  return typeof location === 'string' && URL.canParse(location) ? new URL(location) : undefined;
}

/** Removes from an answer the cookies, the redirect and the body's headers, because another answer follows in its place. */
export function withdraw(reply: FastifyReply): void {
  for (const name of ['set-cookie', 'location', 'content-length', 'content-encoding']) {
    void reply.removeHeader(name);
  }
}

function linesOf(reply: FastifyReply): string[] {
  return [reply.getHeader('set-cookie') ?? []].flat().filter((line) => typeof line === 'string');
}
