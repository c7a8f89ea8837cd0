/** `err` of the answer to a security event token that isn't accepted (RFC 8935 section 2.4). */
export const signalErrorCodes = [
  'invalid_request',
  'invalid_key',
  'invalid_issuer',
  'invalid_audience',
  'authentication_failed',
] as const;

type SignalErrorCode = (typeof signalErrorCodes)[number];

/** The refusal of a security event token. The transmitter doesn't send it again. */
export class SignalRefusal extends Error {
  override readonly name = 'SignalRefusal';

  /** @param description for the transmitter; never contains what was sent. */
  constructor(
    readonly code: SignalErrorCode,
    /** Reason id for the log, snake_case. */
    readonly reason: string,
    description: string,
  ) {
    super(description);
  }
}
