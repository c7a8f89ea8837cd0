/** A command failed, or changed nothing. The message states why and what to do, and never holds a token or a key. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}
