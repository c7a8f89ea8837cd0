/** Bytes of all addresses and texts of one client: lists of clients, and of consents with their clients, must stay readable. */
const largest = 8192;

/** Why a client isn't registered with all these addresses and texts; undefined if they aren't too many. */
export function registrationFault(texts: readonly (string | null)[]): string | undefined {
  const size = texts.reduce((sum, text) => sum + Buffer.byteLength(text ?? ''), 0);
  return size <= largest
    ? undefined
    : `must have at most ${largest} bytes, with all other addresses and texts`;
}
