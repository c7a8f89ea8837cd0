import { codeOf } from '../config/error-code.js';

/** Exit codes of sysexits.h: configuration error, a port or file that is unavailable, software error. */
const exit = { configuration: 78, unavailable: 69, software: 70 } as const;

/** The gateway can't start as it is set up. The message states what to do. */
export class StartError extends Error {
  override readonly name: string = 'StartError';
}

/** The stored keys can't be used with this deployment's secrets. */
export class KeyRingError extends StartError {
  override readonly name = 'KeyRingError';
}

/** Turns a start error into a message that states what to do. Only unexpected errors get a stack trace. */
export function explainStartError(error: unknown): { message: string; code: number } {
  if (error instanceof StartError) {
    return { message: error.message, code: exit.configuration };
  }
  const code = codeOf(error);
  if (code === 'EADDRINUSE') {
    const message = 'The port is in use. Set PORT (and PUBLIC_URL) to a free one, or stop what uses it.';
    return { message, code: exit.unavailable };
  }
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL') {
    const message = `The address cannot be listened on (${code}). Check HOST and PORT.`;
    return { message, code: exit.unavailable };
  }
  return {
    message: error instanceof Error ? (error.stack ?? error.message) : String(error),
    code: exit.software,
  };
}
