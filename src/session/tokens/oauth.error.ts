import type { z } from 'zod';
import { Problem } from '../../platform/errors/problem.error.js';

/** `error` of an OAuth endpoint's answer: RFC 6749 section 5.2, RFC 8693 section 2.2.2, RFC 8628 section 3.5, RFC 9449 sections 5 and 8. */
export const oauthErrorCodes = [
  'invalid_request',
  'invalid_grant',
  'unsupported_grant_type',
  'invalid_scope',
  'invalid_target',
  'authorization_pending',
  'slow_down',
  'access_denied',
  'expired_token',
  'invalid_dpop_proof',
  'use_dpop_nonce',
] as const;

export type OAuthErrorCode = (typeof oauthErrorCodes)[number];

/** The refusal of an OAuth endpoint, with OAuth's own error codes. */
export class OAuthError extends Error {
  override readonly name = 'OAuthError';

  /** @param description for the caller; never contains what they sent. */
  constructor(
    readonly code: OAuthErrorCode,
    description: string,
    /** Reason id for log and audit trail, snake_case. */
    readonly reason: string = code,
  ) {
    super(description);
  }

  /** Whether it only tells a device to ask again: no attempt has failed. */
  get isPending(): boolean {
    return this.code === 'authorization_pending' || this.code === 'slow_down';
  }
}

/** The refusal of a form; it names the parameters. */
export function invalidForm({ issues }: z.ZodError): OAuthError {
  const names = new Set(issues.map(({ path }) => String(path[0])));
  return new OAuthError('invalid_request', `missing, given twice, or not valid: ${[...names].join(', ')}`);
}

/** The refusal that an error becomes. @param refuse for a problem of the caller's. @param reason for an error that no one expects. */
export function toRefusal(
  error: unknown,
  refuse: (problem: Problem) => OAuthError,
  reason: string,
): OAuthError | Problem {
  if (error instanceof OAuthError) {
    return error;
  }
  if (error instanceof Problem) {
    return error.definition.status >= 500 ? error : refuse(error);
  }
  return new Problem('internal_error', { reason, cause: error });
}
