import { describe, expect, it } from 'vitest';
import { GatewayLog } from './gateway-log.js';

const time = '2026-11-27T12:00:01.000Z';
const line = (fields: Readonly<Record<string, unknown>>): string =>
  JSON.stringify({ level: 'info', time, msg: 'text', ...fields });
const access = { reqId: 'r1', method: 'GET', path: '/x', status: 403, ms: 3.2, msg: 'request' };
const clock = new Date(time).toTimeString().slice(0, 8);

describe('the terminal', () => {
  it('shows one line a request, with the time and the reason of a refusal', () => {
    const log = new GatewayLog('info');
    expect(log.read(line({ reqId: 'r1', reason: 'role_missing' }))).toBeUndefined();
    expect(log.read(line(access))).toBe(`${clock} GET /x 403 (3.2 ms) role_missing`);
    expect(log.read(line({ ...access, status: 200 }))).toBe(`${clock} GET /x 200 (3.2 ms)`);
  });

  it('leaves out the probes of whether the gateway is ready, unless it shows everything', () => {
    const probe = line({ ...access, path: '/health/ready', status: 503 });
    expect(new GatewayLog('info').read(probe)).toBeUndefined();
    expect(new GatewayLog('debug').read(probe)).toContain('GET /health/ready 503');
  });

  it.each([
    ['what the proxy does on the way', { reqId: 'r1', msg: 'fetching from remote server' }],
    ['what is in the audit trail', { context: 'audit', msg: 'login_succeeded' }],
  ])('leaves out %s, unless it shows everything', (_, fields) => {
    expect(new GatewayLog('info').read(line(fields))).toBeUndefined();
    expect(new GatewayLog('debug').read(line(fields))).toContain(fields.msg);
  });

  it('shows warnings, errors and what belongs to no request', () => {
    const log = new GatewayLog('info');
    expect(log.read(line({ level: 'warn', reqId: 'r1', msg: 'slow', reason: 'late' }))).toBe(
      `${clock} warn: slow (late)`,
    );
    expect(log.read(line({ level: 'error', err: { message: 'm', stack: 'at x' } }))).toContain('at x');
    const finding = { reason: 'self_check', detail: 'x.test: ENOTFOUND', fix: 'Check it.' };
    expect(log.read(line({ level: 'warn', msg: 'It is away', ...finding }))).toBe(
      `${clock} warn: It is away: x.test: ENOTFOUND. Check it. (self_check)`,
    );
    const failed = {
      connection: 'staff',
      reason: 'directory_unreachable',
      err: { message: 'm', cause: { message: 'ECONNREFUSED' } },
    };
    expect(log.read(line({ level: 'warn', msg: 'a login failed', ...failed }))).toBe(
      `${clock} warn: a login failed (staff; directory_unreachable; m; ECONNREFUSED)`,
    );
    expect(log.read(line({ msg: 'Redis is back' }))).toBe(`${clock} info: Redis is back`);
  });

  it('passes on what is no log line', () => {
    expect(new GatewayLog('info').read('Segmentation fault')).toBe('Segmentation fault');
  });
});
