import { METHODS } from 'node:http';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type AccessLine, AccessLog } from './access-log.js';
import { createLogger, escapeControls } from './pino-logger.js';

it('a line is what its fields are in JSON, whatever the path and the address hold', () => {
  const lines: string[] = [];
  const log = new AccessLog(createLogger('info', { write: (line) => lines.push(line) }));
  const special = fc.constantFrom(
    '',
    '"',
    '\\',
    '\n',
    '\u0000',
    '\u001B[31m',
    '\u007F',
    '\u009B',
    '\u2028',
    '\uD83D',
    'é',
    '~',
  );
  const text = fc
    .array(fc.oneof(special, fc.string({ unit: 'binary' }), fc.string()), { maxLength: 3 })
    .map((parts) => parts.join(''));
  const fields: fc.Arbitrary<AccessLine> = fc.record({
    reqId: fc.uuid(),
    method: fc.constantFrom(...METHODS),
    path: text,
    status: fc.integer({ min: 100, max: 599 }),
    ms: fc.nat().map((tenths) => tenths / 10),
    remote: text,
    sid: fc.option(fc.uuid(), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.constantFrom('debug', 'info'), fields, (level, line) => {
      log.write(level, line);
      const written = lines.pop() ?? '';
      const { time }: { time: unknown } = JSON.parse(written);
      expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      expect(written).toBe(`${escapeControls(JSON.stringify({ level, time, ...line, msg: 'request' }))}\n`);
    }),
  );
});
