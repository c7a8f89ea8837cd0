/** Exit codes of the launcher; 78 is EX_CONFIG of sysexits.h. */
export const exitCodes = { failed: 1, configuration: 78 } as const;

/** A start that can't go on. Its message says what happened and what to do, and is all that a person gets to see. */
export class LaunchError extends Error {
  override readonly name = 'LaunchError';
  /** What the process ends with, never 0. */
  readonly exitCode: number;

  constructor(message: string, options: { exitCode?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.exitCode = options.exitCode ?? exitCodes.failed;
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a system error (`ENOENT`, `EADDRINUSE`, …), undefined for anything else. */
export function systemCodeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
