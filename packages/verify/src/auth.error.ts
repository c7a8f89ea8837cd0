/** What callers are told when they may not do something. The gateway's own codes have the same meaning (docs/errors.md). */
const catalogue = {
  malformed_request: { status: 400, title: 'The request could not be read' },
  unauthenticated: { status: 401, title: 'Log in first' },
  reauthentication_required: { status: 401, title: 'Log in again for this' },
  forbidden: { status: 403, title: 'Not allowed' },
  email_unverified: { status: 403, title: 'Verify your e-mail address first' },
  insufficient_scope: { status: 403, title: 'The token or API key does not cover this' },
  revocations_unknown: { status: 503, title: 'Tokens cannot be verified at the moment' },
  keys_unavailable: { status: 503, title: 'Tokens cannot be verified at the moment' },
} as const;

/** Stable code of an {@link AuthError}. */
export type AuthErrorCode = keyof typeof catalogue;

/** The details of one {@link AuthError}. */
export interface AuthErrorDetails {
  /** Reason id for your log (snake_case); callers don't see it. */
  readonly reason: string;
  /** One sentence for the caller. */
  readonly detail?: string;
  /** Response headers. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Where a browser can meet the requirement. */
  readonly loginUrl?: string;
  readonly cause?: unknown;
}

/** A request that is refused: its status, headers and body are a complete answer (RFC 6750, RFC 9457, RFC 9470). */
export class AuthError extends Error {
  override readonly name = 'AuthError';
  readonly code: AuthErrorCode;
  /** HTTP status: 400, 401, 403, or 503 while the gateway can't be asked. */
  readonly status: number;
  /** Why, for your log. Don't send it: it helps an attacker. */
  readonly reason: string;
  /** Headers of the answer, in lower case: `www-authenticate` for a 401 and a missing scope. */
  readonly headers: Readonly<Record<string, string>>;
  /** Where a browser can meet the requirement. */
  readonly loginUrl: string | undefined;
  readonly #detail: string | undefined;

  constructor(code: AuthErrorCode, { reason, detail, headers = {}, loginUrl, cause }: AuthErrorDetails) {
    super(detail ?? catalogue[code].title, { cause });
    this.code = code;
    this.status = catalogue[code].status;
    this.reason = reason;
    this.headers = {
      ...headers,
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
    };
    this.#detail = detail;
    this.loginUrl = loginUrl;
  }

  /** The same refusal with another value of a header. @param name in lower case. */
  withHeader(name: string, value: string): AuthError {
    return new AuthError(this.code, {
      reason: this.reason,
      headers: { ...this.headers, [name]: value },
      cause: this.cause,
      ...(this.#detail === undefined ? {} : { detail: this.#detail }),
      ...(this.loginUrl === undefined ? {} : { loginUrl: this.loginUrl }),
    });
  }

  /** The body of the answer: RFC 9457 problem details, with the `code`. */
  toJSON(): Readonly<Record<string, unknown>> {
    const { status, title } = catalogue[this.code];
    return {
      type: 'about:blank',
      title,
      status,
      code: this.code,
      ...(this.#detail === undefined ? {} : { detail: this.#detail }),
      ...(this.loginUrl === undefined ? {} : { loginUrl: this.loginUrl }),
    };
  }

  /** The whole answer, for frameworks that return a `Response`. */
  toResponse(): Response {
    return new Response(JSON.stringify(this), { status: this.status, headers: this.headers });
  }
}
