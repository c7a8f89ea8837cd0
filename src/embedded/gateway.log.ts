import { z } from 'zod';
import { parseJson } from '../config/json.parser.js';

const record = z.looseObject({
  level: z.string(),
  msg: z.string(),
  context: z.string().optional(),
  reason: z.string().optional(),
  method: z.string().optional(),
  path: z.string().optional(),
  status: z.number().optional(),
  ms: z.number().optional(),
  err: z.looseObject({ message: z.string(), stack: z.string().optional() }).optional(),
});

/** Makes one JSON line of the gateway's log readable for a person at a terminal; what isn't JSON stays as it is. */
export function readGatewayLine(line: string): string {
  const { data } = record.safeParse(parseJson(line));
  if (data === undefined) {
    return line;
  }
  const { level, msg, method, path, status, ms, reason, err } = data;
  const text = method === undefined ? msg : `${method} ${path} ${status} (${ms} ms)`;
  const detail = [
    reason,
    level === 'error' || level === 'fatal' ? (err?.stack ?? err?.message) : err?.message,
  ];
  const known = detail.filter((part) => part !== undefined);
  return `${level}: ${text}${known.length === 0 ? '' : ` (${known.join('; ')})`}`;
}
