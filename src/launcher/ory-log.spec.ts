import { expect, test } from 'vitest';
import { readOryLine } from './ory-log.js';

test('a JSON record becomes one readable line', () => {
  const line = JSON.stringify({ level: 'error', msg: 'It failed', error: { message: 'no', reason: 'why' } });
  expect(readOryLine(line)).toBe('error: It failed (no: why)');
  expect(readOryLine('{"level":"warning","msg":"Odd","time":"now"}')).toBe('warning: Odd');
});

test('what is said at every start is dropped', () => {
  const dev = '\n\nYOU ARE RUNNING Ory KRATOS IN DEV MODE.\nSECURITY IS DISABLED.\n';
  expect(readOryLine(JSON.stringify({ level: 'warning', msg: dev }))).toBeUndefined();
  expect(readOryLine('Thank you for using Ory Hydra v2.3.0!')).toBeUndefined();
});

test('what is not JSON stays', () => {
  expect(readOryLine('panic: {')).toBe('panic: {');
});
