/** A command that couldn't be done. The message says why and what to do; it never holds a token or a key. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}
