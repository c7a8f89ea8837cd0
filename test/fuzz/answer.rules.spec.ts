import { describe, expect, it } from 'vitest';
import { faultsOf, logFaults } from './answer.rules.js';
import type { FuzzWorld } from './fuzz.world.js';
import type { FuzzCase, FuzzRoute } from './route.cases.js';
import { parseAnswer } from './wire.client.js';

const world: FuzzWorld = {
  words: new Map(),
  secrets: ['a-secret'],
  addresses: ['ada@example.test'],
  strangersAddress: 'stranger@example.test',
  headersOf: () => [],
};
const route: FuzzRoute = { method: 'GET', path: '/x', query: {}, mayBeUnavailable: false };
const sent: FuzzCase = {
  caller: 'nobody',
  method: 'GET',
  target: '/x',
  headers: [],
  body: undefined,
  framing: 'length',
};
const problem = '{"title":"Not allowed","status":403,"code":"forbidden"}';
const problemType = 'content-type: application/problem+json; charset=utf-8\r\n';

function faults(status: number, headers: string, body: string): string {
  return faultsOf(route, sent, parseAnswer(`HTTP/1.1 ${status} x\r\n${headers}\r\n${body}`), world).join();
}

describe('the rules of answers', () => {
  it('let pass what is right', () => {
    expect(faults(200, '', 'text')).toBe('');
    expect(faults(403, problemType, problem)).toBe('');
    expect(faults(200, 'transfer-encoding: chunked\r\n', '2\r\nab\r\n0\r\n\r\n')).toBe('');
  });

  it.each([
    ['status', 500, problemType, problem],
    ['503', 503, problemType, problem],
    ['status 0', 0, '', ''],
    ['403 isn', 403, 'content-type: application/json\r\n', problem],
    ['404 with', 404, problemType, problem],
    ['403 with', 403, problemType, problem.replace('forbidden', 'foreign')],
    ['Content-Length', 200, 'content-length: 3\r\n', 'four'],
    ['nobody here sets', 200, 'x-injected: 1\r\n', ''],
    ['two answers', 200, '', 'a\r\nHTTP/1.1 200 OK\r\n\r\n'],
    ['inside', 200, '', 'Error\n    at Foo (x.js:1:2)'],
    ['inside', 200, '', 'SQLITE_CONSTRAINT'],
    ['inside', 200, '', 'select "id" from users'],
    ['inside', 200, `x: ${process.cwd()}\r\n`, ''],
    ['credential', 200, 'x: a-secret\r\n', ''],
    ['address', 200, '', 'stranger@example.test'],
  ])('see %s (%i)', (fault, status, headers, body) => {
    expect(faults(status, headers, body)).toContain(fault);
  });

  it('see a credential and an address in the log', () => {
    expect(logFaults(['fine', 'x a-secret', 'ada@example.test'], world)).toHaveLength(2);
  });
});
