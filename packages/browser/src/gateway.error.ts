/** An answer of the gateway that the client can't go on with, or none. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  /** HTTP status; 0 if there was no answer. */
  readonly status: number;
  /** `code` of the gateway's problem details (docs/errors.md), or `error` of its token endpoint. */
  readonly code: string | undefined;

  constructor(status: number, code: string | undefined, cause?: unknown) {
    super(
      status === 0 ? 'the gateway did not answer' : `the gateway answered ${status} ${code ?? ''}`.trim(),
      {
        cause,
      },
    );
    this.status = status;
    this.code = code;
  }
}
