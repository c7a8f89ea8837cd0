import { decodeJwt } from 'jose';
import { Problem } from '../../../platform/errors/problem.error.js';
import type { Exchange } from './exchange.js';
import { isContinued, parametersIn, withoutParameters, withParameters } from './query-limit.js';

/** Parameters that bring a request object (OpenID Connect Core section 6). */
const names = ['request', 'request_uri'] as const;

/**
 * Has Hydra refuse a request object: what it demands of a login, such as `prompt`, would be overlooked. Hydra knows where a refusal may go;
 * `AuthorizationResponse` puts the right error into it.
 * @throws {Problem} `malformed_request` for one that a browser has added to a login under way.
 */
export function refuseRequestObject(exchange: Exchange): void {
  const asked = parametersIn(exchange.query);
  const name = exchange.path === '/oauth2/auth' ? names.find((other) => asked.has(other)) : undefined;
  if (name === undefined) {
    return;
  }
  if (isContinued(asked)) {
    throw new Problem('malformed_request', {
      detail: 'Request objects are not supported: send the parameters in the query.',
      reason: 'request_object',
    });
  }
  exchange.requestObject = `${name}_not_supported`;
  exchange.query = withParameters(withoutParameters(exchange.query, names), {
    ...answering(asked.get('request') ?? ''),
    response_type: 'no_request_object',
  });
}

/** How the refusal reaches the application, which it may have written into the object alone. Anyone may write the same into the query. */
function answering(object: string): Readonly<Record<string, string>> {
  const { response_mode: mode, state } = claimsIn(object);
  return {
    ...(typeof mode === 'string' ? { response_mode: mode } : {}),
    ...(typeof state === 'string' ? { state } : {}),
  };
}

function claimsIn(object: string): Readonly<Record<string, unknown>> {
  try {
    return decodeJwt(object);
  } catch {
    return {};
  }
}
