import { Logger } from '@nestjs/common';
import { PinoLogger, createLogger } from '../../src/platform/logging/pino-logger.js';

/**
 * What Nest's logger, which is one for the process, writes during an act; silent again afterwards.
 * @param act is given the lines so far.
 * @returns all lines.
 */
export async function nestLogOf(
  level: 'warn' | 'error',
  act: (lines: readonly string[]) => Promise<void>,
): Promise<readonly string[]> {
  const lines: string[] = [];
  Logger.overrideLogger(new PinoLogger(createLogger(level, { write: (line) => void lines.push(line) })));
  try {
    await act(lines);
  } finally {
    Logger.overrideLogger(false);
  }
  return lines;
}
