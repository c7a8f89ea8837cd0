/** The refusal of an OAuth request, for the client itself (RFC 6749 sections 4.1.2.1 and 5.2, RFC 8707 section 2, RFC 8628 section 3.5). */
export class OAuthRefusal extends Error {
  override readonly name = 'OAuthRefusal';

  /** @param description for the client; never contains what it sent. */
  constructor(
    readonly code:
      | 'invalid_request'
      | 'invalid_client'
      | 'unauthorized_client'
      | 'invalid_grant'
      | 'invalid_scope'
      | 'invalid_target'
      // RFC 8628 section 3.5.
      | 'authorization_pending'
      | 'slow_down'
      | 'access_denied'
      | 'expired_token',
    description: string,
    /** Reason id for the log, snake_case. */
    readonly reason: string = code,
  ) {
    super(description);
  }

  toJSON(): Readonly<Record<string, string>> {
    return { error: this.code, error_description: this.message };
  }
}
