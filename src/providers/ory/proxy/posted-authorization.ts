import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { pathOf } from '../../../platform/http/request-path.js';
import { isEncodedForm, queryOf, requireShortQuery } from './query-limit.js';
import { readWholeBody } from './whole-body.js';

/**
 * Repeats an authorization request that came as a form (OpenID Connect Core section 3.1.2.1) with its parameters in the query. Hydra
 * 2.3 takes such a form, but forgets its parameters once the user has logged in.
 * @param path after the prefix.
 * @returns whether the request is answered.
 * @throws {Problem} `uri_too_long`, `payload_too_large`, `malformed_request`
 */
export async function repeatsAsQuery(
  request: FastifyRequest,
  reply: FastifyReply,
  path: string,
): Promise<boolean> {
  const isForm = isEncodedForm(request.headers['content-type']);
  if (
    request.method !== 'POST' ||
    path !== '/oauth2/auth' ||
    !isForm ||
    !(request.body instanceof Readable)
  ) {
    return false;
  }
  const form = new URLSearchParams((await readWholeBody(request.body)).toString());
  const url = `${pathOf(request)}?${new URLSearchParams([...new URLSearchParams(queryOf(request.url)), ...form])}`;
  requireShortQuery(url);
  await reply.redirect(url, 303);
  return true;
}
