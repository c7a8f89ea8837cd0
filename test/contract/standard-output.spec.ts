import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';

const pinoLogger = new URL('../../dist/platform/logging/pino-logger.js', import.meta.url).href;
const accessLog = new URL('../../dist/platform/logging/access-log.js', import.meta.url).href;

/** What a process of its own says on standard output, line by line, when it does this with a `logger` and an `access` log. */
function messagesOf(program: string): unknown[] {
  const { stdout } = spawnSync(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `import { createLogger, flushLogger } from ${JSON.stringify(pinoLogger)};
       import { AccessLog } from ${JSON.stringify(accessLog)};
       const logger = createLogger('info');
       const access = new AccessLog(logger);
       const line = (path) => access.write('info', { reqId: 'r', method: 'GET', path, status: 200, ms: 1, remote: '::1' });
       ${program}`,
    ],
    { encoding: 'utf8', maxBuffer: 2 ** 24 },
  );
  return stdout
    .trimEnd()
    .split('\n')
    .map((text) => {
      const { msg, path } = Object(JSON.parse(text));
      return path ?? msg;
    });
}

it.each([
  ['exits in the same turn', 'process.exit(1);'],
  ['throws', "throw new Error('nobody catches this');"],
  ['has nothing more to do', ''],
  ['flushes and exits', 'await flushLogger(logger); process.exit();'],
  ['exits in a later turn', 'setImmediate(() => setImmediate(() => process.exit()));'],
])('a process that %s loses no line, and they stand in the order in which they were written', (_how, end) => {
  expect(
    messagesOf(`logger.info('first'); line('/second'); logger.warn('third'); line('/fourth'); ${end}`),
  ).toEqual(['first', '/second', 'third', '/fourth']);
});

it('lines of any length come whole, however many there are', () => {
  const lengths = [1, 5000, 16_384, 40_000, 100];
  const program = `for (const length of ${JSON.stringify(lengths)}) {
      logger.info('é\u{1F600}'.repeat(length));
      line('/' + 'x'.repeat(length));
    }
    for (let index = 0; index < 2000; index += 1) line('/' + index);
    await flushLogger(logger);
    process.exit();`;
  expect(messagesOf(program)).toEqual([
    ...lengths.flatMap((length) => ['é\u{1F600}'.repeat(length), `/${'x'.repeat(length)}`]),
    ...Array.from({ length: 2000 }, (_value, index) => `/${index}`),
  ]);
});

it('a line that is written after a flush comes too', () => {
  expect(messagesOf("line('/first'); await flushLogger(logger); line('/second'); process.exit();")).toEqual([
    '/first',
    '/second',
  ]);
});

it('lines that come faster than pieces of 16 kB are written pile up for no longer than one write takes', () => {
  const turns = 60;
  // Each turn of the event loop has lines for several pieces, and sees the end of one write at most.
  const program = `import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    const write = fs.write;
    let writes = 0;
    fs.write = (...given) => { writes += 1; return write(...given); };
    syncBuiltinESMExports();
    for (let turn = 0; turn < ${turns}; turn += 1) {
      for (let index = 0; index < 100; index += 1) line('/' + 'x'.repeat(1000));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await flushLogger(logger);
    line('/writes/' + writes);
    process.exit();`;
  const said = messagesOf(program);
  expect(said).toHaveLength(turns * 100 + 1);
  const [, writes] = /^\/writes\/(\d+)$/.exec(String(said.at(-1))) ?? [];
  expect(Number(writes)).toBeGreaterThan(0);
  expect(Number(writes)).toBeLessThanOrEqual(2 * turns);
});
