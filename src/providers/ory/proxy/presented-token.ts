import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { isEncodedForm, parametersIn, queryOf } from './query-limit.js';
import { peekBody } from './whole-body.js';

/**
 * The access token of a request, wherever Hydra takes it from (RFC 6750 section 2): the header, else the form, else the query.
 * Forms in parts, in which Hydra looks too, are refused before (`requireEncodedForm`).
 * @throws {Problem} `payload_too_large`, `malformed_request`
 */
export async function presentedToken(request: FastifyRequest): Promise<string | undefined> {
  const [scheme = '', ...rest] = request.headers.authorization?.split(' ') ?? [];
  if (scheme.toLowerCase() === 'bearer' && rest.length > 0) {
    return textOf(rest.join(' '));
  }
  const form =
    request.body instanceof Readable && isEncodedForm(request.headers['content-type'])
      ? parametersIn(String(await peekBody(request, request.body))).get('access_token')
      : null;
  return textOf(form ?? parametersIn(queryOf(request.url)).get('access_token'));
}

function textOf(token: string | null): string | undefined {
  return token === null || token === '' ? undefined : token;
}
