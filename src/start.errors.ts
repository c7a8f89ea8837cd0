import { ConfigurationError } from './config/configuration.js';
import { DatabaseOpenError } from './database/database.connection.js';
import { MigrationError } from './database/migration.runner.js';
import { LocaleFileError } from './languages/locale.file.js';
import { KeyRingError } from './session/signing-key.ring.js';

/** Exit codes of sysexits: configuration error, a port or file that can't be had, software error. */
const exit = { configuration: 78, unavailable: 69, software: 70 } as const;

/** One message that says what to do; stack traces only for what nobody foresaw. */
export function explainStartError(error: unknown): { message: string; code: number } {
  if (error instanceof ConfigurationError) {
    return { message: error.message, code: exit.configuration };
  }
  if (
    error instanceof LocaleFileError ||
    error instanceof DatabaseOpenError ||
    error instanceof MigrationError ||
    error instanceof KeyRingError
  ) {
    return { message: error.message, code: exit.configuration };
  }
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  if (code === 'EADDRINUSE') {
    return {
      message: 'The port is in use. Set PORT (and PUBLIC_URL) to a free one, or stop what uses it.',
      code: exit.unavailable,
    };
  }
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL') {
    return {
      message: `The address cannot be listened on (${code}). Check HOST and PORT.`,
      code: exit.unavailable,
    };
  }
  return {
    message: error instanceof Error ? (error.stack ?? error.message) : String(error),
    code: exit.software,
  };
}
