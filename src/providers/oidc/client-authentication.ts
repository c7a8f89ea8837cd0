import { type ClientAuth, ClientSecretBasic, ClientSecretPost, None } from 'openid-client';

/** The methods by which the gateway's client sends its secret to a provider (RFC 6749 section 2.3.1). */
export type SecretMethod = 'client_secret_basic' | 'client_secret_post';

/**
 * The method that a provider accepts, by its metadata: in the body if it supports that, otherwise in the header. The header is
 * the default if its metadata names no method (OpenID Connect Discovery section 3).
 */
export function secretMethodOf(metadata: {
  readonly token_endpoint_auth_methods_supported?: readonly string[] | undefined;
}): SecretMethod {
  const takesBody = metadata.token_endpoint_auth_methods_supported?.includes('client_secret_post') === true;
  return takesBody ? 'client_secret_post' : 'client_secret_basic';
}

/** Authenticates by a method, or by the one that the provider accepts. @param secret undefined: not at all, as public clients. */
export function authenticationWith(secret: string | undefined, method?: SecretMethod): ClientAuth {
  if (secret === undefined) {
    return None();
  }
  const methods = {
    client_secret_basic: ClientSecretBasic(secret),
    client_secret_post: ClientSecretPost(secret),
  };
  return (server, client, body, headers) =>
    methods[method ?? secretMethodOf(server)](server, client, body, headers);
}

/** How a client says who it is, in a request for a token. */
export interface PresentedCredential {
  readonly id: string;
  /** Empty if there is none. */
  readonly secret: string;
  /** In the words of OAuth's registry of methods. */
  readonly method: SecretMethod | 'none';
}

/** A client's id and secret at a provider; without a secret it is public. */
export interface ClientCredentials {
  readonly clientId: string;
  readonly clientSecret: string | undefined;
}

/** A form with a client's credentials, as a login sends them: for questions of our own to a provider. */
export function authenticatedForm(
  fields: Readonly<Record<string, string>>,
  { clientId, clientSecret }: ClientCredentials,
  method: SecretMethod,
): { readonly body: URLSearchParams; readonly headers: Readonly<Record<string, string>> } {
  const body = new URLSearchParams(fields);
  const headers = new Headers({ accept: 'application/json' });
  authenticationWith(clientSecret, method)({ issuer: '' }, { client_id: clientId }, body, headers);
  return { body, headers: Object.fromEntries(headers) };
}

/** Errors of a token endpoint for an unknown client or a wrong secret; Auth0 uses `access_denied`. */
const clientRefusals: ReadonlySet<string> = new Set([
  'invalid_client',
  'unauthorized_client',
  'access_denied',
]);

/** The error by which a provider refuses the client of an {@link authenticatedForm}; undefined if it doesn't. @param body JSON. */
export function clientRefusalOf(status: number, body: unknown): string | undefined {
  const error = String(Reflect.get(Object(body), 'error'));
  if (clientRefusals.has(error)) {
    return error;
  }
  return status === 401 && error !== 'invalid_grant' ? 'invalid_client' : undefined;
}
