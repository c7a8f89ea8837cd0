import type { FastifyReply, FastifyRequest } from 'fastify';

/** Seconds for which a browser needn't ask again. */
const preflightAge = 3600;

/** Endpoints of the gateway that programs in pages of other origins call: with a code, a token in the form, or nothing. */
const forPrograms = /^\/(?:auth\/token|oauth2\/register)(?:\?|$)/;

/**
 * Whether a request is one that a program in a page of any origin may make: it has no credential that a browser adds by itself, or that
 * stands for a session.
 */
export function isOfAnyOrigin({ url, headers }: Pick<FastifyRequest, 'url' | 'headers'>): boolean {
  if (!forPrograms.test(url)) {
    return false;
  }
  const { cookie, authorization, 'x-api-key': apiKey } = headers;
  return (
    cookie === undefined &&
    apiKey === undefined &&
    // A client's own secret (RFC 6749 section 2.3.1).
    /^(?:basic .*)?$/is.test(authorization ?? '')
  );
}

/**
 * Lets pages of other origins read an answer (Fetch, CORS protocol). It is for every origin, and therefore never with cookies.
 * @returns the reply if it is sent: it was a browser's question whether it may send another request.
 */
export function allowOtherOrigins(
  { method }: Pick<FastifyRequest, 'method'>,
  reply: FastifyReply,
): FastifyReply | undefined {
  void reply.headers({ 'access-control-allow-origin': '*', 'access-control-expose-headers': 'dpop-nonce' });
  if (method !== 'OPTIONS') {
    return undefined;
  }
  return reply
    .code(204)
    .headers({
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers': 'authorization, content-type, dpop',
      'access-control-max-age': String(preflightAge),
    })
    .send();
}
