import type { FastifyReply, FastifyRequest } from 'fastify';

/** What applications call from their own pages: with a code, a token or nothing, and never with a cookie. */
const forApplications =
  /^\/(?:oauth2\/(?:token|revoke)|userinfo|\.well-known\/(?:openid-configuration|jwks\.json))$/;
/** Seconds for which a browser needn't ask again. */
const preflightAge = 3600;

/**
 * Lets pages of other origins read Hydra's answers to applications (Fetch, CORS protocol). It is for every origin, and therefore never
 * with cookies.
 * @param path after the prefix.
 * @returns whether the request is answered: it was a browser's question whether it may send another one.
 */
export async function allowOtherOrigins(
  request: FastifyRequest,
  reply: FastifyReply,
  path: string,
): Promise<boolean> {
  if (!forApplications.test(path)) {
    return false;
  }
  void reply.header('access-control-allow-origin', '*');
  if (request.method !== 'OPTIONS') {
    return false;
  }
  await reply
    .code(204)
    .headers({
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers': 'authorization, content-type',
      'access-control-max-age': String(preflightAge),
    })
    .send();
  return true;
}
