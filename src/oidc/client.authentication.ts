import { type ClientAuth, ClientSecretBasic, ClientSecretPost } from 'openid-client';

/** Ways in which the gateway's client shows its secret at a provider (RFC 6749 section 2.3.1). */
export type SecretMethod = 'client_secret_basic' | 'client_secret_post';

/**
 * The way that a provider takes, by its metadata: in the body where it does, else in the header, which is what a provider takes
 * that names none (OpenID Connect Discovery section 3).
 */
export function secretMethodOf(metadata: {
  readonly token_endpoint_auth_methods_supported?: readonly string[] | undefined;
}): SecretMethod {
  const takesBody = metadata.token_endpoint_auth_methods_supported?.includes('client_secret_post') === true;
  return takesBody ? 'client_secret_post' : 'client_secret_basic';
}

/** Authenticates in the way that the provider takes. */
export function authenticationWith(secret: string): ClientAuth {
  const methods = {
    client_secret_basic: ClientSecretBasic(secret),
    client_secret_post: ClientSecretPost(secret),
  };
  return (server, client, body, headers) => methods[secretMethodOf(server)](server, client, body, headers);
}
