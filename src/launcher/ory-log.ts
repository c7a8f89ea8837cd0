import { z } from 'zod';
import { parseJson } from '../platform/config/json.parser.js';

const record = z.looseObject({
  level: z.string(),
  msg: z.string(),
  error: z
    .union([z.string(), z.looseObject({ message: z.string(), reason: z.string().optional() })])
    .optional(),
});

/** Messages of every embedded start that don't apply here: they are meant for other setups. */
const expected = [
  /YOU ARE RUNNING Ory KRATOS IN DEV MODE/,
  /^HTTPS is disabled/,
  /^JSON Web Key Set .* does not exist yet/,
  /^Migration has requested running outside a transaction/,
  /^Thank you for using Ory/,
  /^Take security seriously/,
  /^>> Subscribe now/,
];

/**
 * Makes one line of Kratos' or Hydra's JSON log readable; what isn't JSON stays as it is.
 * @returns undefined for a line that doesn't apply to an embedded run.
 */
export function readOryLine(line: string): string | undefined {
  const parsed = record.safeParse(parseJson(line));
  const text = parsed.success ? parsed.data.msg.trim() : line;
  if (expected.some((pattern) => pattern.test(text))) {
    return undefined;
  }
  if (!parsed.success) {
    return line;
  }
  const { level, error } = parsed.data;
  const cause =
    typeof error === 'string' || error === undefined
      ? error
      : [error.message, error.reason].filter(Boolean).join(': ');
  return `${level}: ${text}${cause === undefined ? '' : ` (${cause})`}`;
}
