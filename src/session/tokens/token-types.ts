/** `grant_type` of a device (RFC 8628 section 3.4). */
export const deviceGrantType = 'urn:ietf:params:oauth:grant-type:device_code';
/** `grant_type` of an assertion of another issuer (RFC 7523 section 2.1). */
export const assertionGrantType = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
/** `grant_type` of a token exchange. */
export const exchangeGrantType = 'urn:ietf:params:oauth:grant-type:token-exchange';
/** `grant_type` of the exchange of an authorization code. */
export const codeGrantType = 'authorization_code';

/** The token types (RFC 8693 section 3), and our own where the RFC has none. */
export const tokenTypes = {
  /** As a subject, the provider's access token; as an actor, one of ours. */
  accessToken: 'urn:ietf:params:oauth:token-type:access_token',
  /** A live augmented token. */
  jwt: 'urn:ietf:params:oauth:token-type:jwt',
  apiKey: 'urn:vestibule:params:oauth:token-type:api_key',
  /** The session of the request's cookie; there is no token in the form. */
  session: 'urn:vestibule:params:oauth:token-type:session',
} as const;
