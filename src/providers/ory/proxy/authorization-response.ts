import { scopeTokens } from '../../../session/guards/scopes.js';
import { hydraIdOf, isAgentId } from '../hydra/agent-client.js';
import { givenState, withoutAddedState } from '../hydra/added-state.js';
import type { ResourceRegistry } from '../hydra/resource-registry.js';
import type { Exchange, RequestObjectError } from './exchange.js';
import { parametersIn, withParameters } from './query-limit.js';

/**
 * Completes what a browser takes to an application: the issuer (RFC 9207), the state that the application sent, and the error about its
 * request object.
 */
export class AuthorizationResponse {
  /** @param issuer of Hydra. @param publicUrl the issuer of tokens for protected resources. */
  constructor(
    private readonly resources: ResourceRegistry,
    private readonly issuer: string,
    private readonly publicUrl: string,
  ) {}

  /** Completes a redirect to an application; any other stays. */
  settle({ reply, query, requestObject }: Exchange): void {
    const location = reply.getHeader('location');
    if (typeof location !== 'string' || !URL.canParse(location)) {
      return;
    }
    const { origin, pathname } = new URL(location);
    // `response_mode=fragment`.
    const mark = location.includes('#') ? '#' : '?';
    const start = location.indexOf(mark) + 1;
    const answer = location.slice(start);
    const isOwnPage = origin === this.publicUrl && pathname === '/ui/error';
    if (start > 0 && !isOwnPage && isAnswer(parametersIn(answer))) {
      // One that the redirect URI has of its own is no issuer.
      const own = {
        iss: this.#issuerOf(query),
        ...errorOf(requestObject, parametersIn(answer).get('error')),
      };
      const named = withParameters(withoutAddedState(answer), own);
      void reply.header('location', location.slice(0, start) + named);
    }
  }

  /** The fields of the page that posts an answer, completed. */
  fields(
    given: readonly (readonly [string, string])[],
    { query, requestObject }: Exchange,
  ): readonly (readonly [string, string])[] {
    const error = given.find(([name]) => name === 'error')?.[1];
    const own = { iss: this.#issuerOf(query), ...errorOf(requestObject, error) };
    const fields = given.flatMap(([name, value]): (readonly [string, string])[] => {
      const sent = name === 'state' ? givenState(value) : value;
      return sent === undefined ? [] : [[name, sent]];
    });
    return [...fields.filter(([name]) => !Object.hasOwn(own, name)), ...Object.entries(own)];
  }

  /**
   * The issuer as the client has found it. Who registered itself, or asks for nothing but a resource, has the gateway's metadata; who asks
   * for an ID token has Hydra's, which that names as well.
   */
  #issuerOf(query: string): string {
    const asked = parametersIn(query);
    const targets = ['resource', 'audience']
      .flatMap((name) => asked.getAll(name))
      .flatMap((value) => value.split(' '));
    const isForResource = targets.some((target) => this.resources.find(target) !== undefined);
    const isOpenId = scopeTokens(asked.get('scope') ?? '').includes('openid');
    const isAgent = isAgentId(hydraIdOf(asked.get('client_id') ?? ''));
    return isAgent || (isForResource && !isOpenId) ? this.publicUrl : this.issuer;
  }
}

/** The error about a request object, in the place of the one by which Hydra was made to refuse it. */
function errorOf(
  requestObject: RequestObjectError | undefined,
  given: string | null | undefined,
): Readonly<Record<string, string>> {
  return requestObject === undefined || given !== 'unsupported_response_type'
    ? {}
    : {
        error: requestObject,
        error_description: 'Request objects are not supported: send the parameters in the query.',
      };
}

function isAnswer(parameters: URLSearchParams): boolean {
  return parameters.has('code') || parameters.has('error');
}
