/** Exit codes of the launcher; 78 is EX_CONFIG of sysexits.h. */
export const exitCodes = { failed: 1, configuration: 78 } as const;

/** A start failed. The message states what happened and what to do; a person sees nothing else. */
export class LaunchError extends Error {
  override readonly name = 'LaunchError';
  /** Exit code of the process, never 0. */
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
