/** `error` of an OAuth endpoint's answer: RFC 6749 section 5.2, RFC 8693 section 2.2.2. */
export type OAuthErrorCode =
  'invalid_request' | 'invalid_grant' | 'unsupported_grant_type' | 'invalid_scope' | 'invalid_target';

/** What an OAuth endpoint refuses, in OAuth's own words. */
export class OAuthError extends Error {
  override readonly name = 'OAuthError';
  readonly code: OAuthErrorCode;
  /** Reason id for log and audit trail, snake_case. */
  readonly reason: string;

  /** @param description for the caller; never holds what they sent. */
  constructor(code: OAuthErrorCode, description: string, reason: string = code) {
    super(description);
    this.code = code;
    this.reason = reason;
  }
}
