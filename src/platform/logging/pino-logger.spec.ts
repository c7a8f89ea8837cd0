import { Logger } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Problem } from '../errors/problem.error.js';
import { unavailable } from '../upstream/vendor-call.js';
import { PinoLogger, createLogger } from './pino-logger.js';

const canary = 'c4n4ry-s3cret';

/** Runs something with a logger. @returns the lines it wrote. */
function linesOf(write: (logger: ReturnType<typeof createLogger>) => void): string[] {
  const lines: string[] = [];
  write(createLogger('trace', { write: (line: string) => void lines.push(line) }));
  return lines;
}

/** An error as axios throws it, with the whole request and its contents attached. */
function axiosError(): Error {
  const config = {
    url: `https://kratos.internal/sessions/${canary}`,
    headers: { authorization: `Bearer ${canary}`, cookie: canary },
    data: canary,
  };
  return Object.assign(new Error('Request failed with status code 500'), {
    name: 'AxiosError',
    code: 'ERR_BAD_RESPONSE',
    config,
    request: { _header: canary },
    response: {
      status: 500,
      data: { error: { message: canary } },
      headers: { 'set-cookie': canary },
      config,
    },
  });
}

describe('redaction', () => {
  it.each([
    'authorization',
    'cookie',
    'set-cookie',
    'password',
    'accessToken',
    'access_token',
    'idToken',
    'id_token',
    'refresh_token',
    'client_secret',
    'email',
    'SECRETS',
  ])('%s is cut out, on its own and one level down', (key) => {
    const lines = linesOf((logger) => {
      logger.info({ [key]: canary }, 'flat');
      logger.info({ req: { [key]: canary } }, 'nested');
      logger.info({ headers: { [key]: [canary] } }, 'list');
      logger.child({ [key]: canary }).info('child');
    });
    expect(lines).toHaveLength(4);
    expect(lines.join('')).not.toContain(canary);
    expect(lines[0]).toContain('[redacted]');
  });

  it('what is no secret is logged as it is', () => {
    const [line = ''] = linesOf((logger) =>
      logger.info({ reason: 'token_signature', status: 401 }, 'refused'),
    );
    expect(JSON.parse(line)).toMatchObject({
      level: 'info',
      reason: 'token_signature',
      status: 401,
      msg: 'refused',
    });
  });
});

describe('errors', () => {
  it("an HTTP client's error is logged without its request, response and their secrets", () => {
    const lines = linesOf((logger) => {
      logger.error({ err: axiosError() }, 'failed');
      logger.error(axiosError());
      new PinoLogger(logger).error(axiosError());
      new PinoLogger(logger).warn('failed', { reason: 'x', err: axiosError() }, 'Context');
      logger.error({ err: unavailable('kratos_unreachable', axiosError()) }, 'as a problem');
      logger.error({ err: new Error('outer', { cause: axiosError() }) }, 'as a cause');
    });
    expect(lines).toHaveLength(6);
    expect(lines.filter((line) => line.includes(canary))).toEqual([]);
    expect(lines[0]).toContain('ERR_BAD_RESPONSE');
  });

  it('name, code, reason and the chain of causes are told', () => {
    const problem = new Problem('login_refused', {
      reason: 'subject_mismatch',
      cause: new TypeError('inner'),
    });
    const [line = ''] = linesOf((logger) => logger.warn({ err: problem }, 'refused'));
    expect(JSON.parse(line)).toMatchObject({
      err: {
        type: 'Problem',
        code: 'login_refused',
        reason: 'subject_mismatch',
        cause: { type: 'TypeError', message: 'inner' },
      },
    });
  });

  it('a thrown value that is no error is not written out', () => {
    const lines = linesOf((logger) => {
      logger.error({ err: canary }, 'text');
      logger.error({ err: { password: canary, token: canary } }, 'object');
    });
    expect(lines.join('')).not.toContain(canary);
  });

  it('an error that is its own cause does not end the process', () => {
    const error = new Error('loop');
    error.cause = error;
    expect(linesOf((logger) => logger.error({ err: error }, 'loop'))).toHaveLength(1);
  });
});

describe('lines', () => {
  it.each([
    'a\r\nb',
    'a\nlevel":"fatal',
    '\u001B[31mred\u001B[0m',
    '\u2028',
    '\u0000',
    '\u0085',
    '\u009B31m',
  ])('%j stays inside one line and one field', (text) => {
    const lines = linesOf((logger) => {
      logger.info({ path: text, [text]: 1 }, text);
      new PinoLogger(logger).log(text, 'Context');
    });
    for (const line of lines) {
      expect(line.trimEnd()).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
      expect(line.endsWith('\n')).toBe(true);
      expect(() => JSON.parse(line)).not.toThrow();
    }
  });

  it("Nest's own start-up lines are only there when looked for", () => {
    const levels = linesOf((logger) => {
      const nest = new PinoLogger(logger);
      nest.log('Mapped {/a, GET} route', 'RouterExplorer');
      nest.log('something happened', 'AuthService');
    }).map((line): unknown => Reflect.get(Object(JSON.parse(line)), 'level'));
    expect(levels).toEqual(['debug', 'info']);
  });

  it('new Logger(context) of Nest goes through pino with its context and fields', () => {
    const [line = ''] = linesOf((logger) => {
      Logger.overrideLogger(new PinoLogger(logger));
      new Logger('Somewhere').warn('careful', { reason: 'because' });
      Logger.overrideLogger(false);
    });
    expect(JSON.parse(line)).toMatchObject({
      level: 'warn',
      context: 'Somewhere',
      reason: 'because',
      msg: 'careful',
    });
  });
});
