import { expect, it } from 'vitest';
import type { AuditEvent } from './audit-event.js';
import { FailureCap } from './failure-cap.js';

const failure = (changes: Partial<AuditEvent> = {}): AuditEvent => ({
  type: 'login_failed',
  outcome: 'failure',
  reason: 'access_token_inactive',
  remoteAddress: '192.0.2.1',
  ...changes,
});
const admitted = (cap: FailureCap, times: number, event: (index: number) => AuditEvent, now = 0): number =>
  Array.from({ length: times }, (_, index) => cap.admits(event(index), now)).filter(Boolean).length;

it('of one kind of failure from one address 30 rows are made an hour, of others their own', () => {
  const cap = new FailureCap();
  expect(admitted(cap, 1000, () => failure())).toBe(30);
  expect(admitted(cap, 1000, () => failure({ reason: 'access_token_audience' }))).toBe(30);
  expect(admitted(cap, 1000, () => failure({ remoteAddress: '192.0.2.2' }))).toBe(30);
  expect(admitted(cap, 1000, () => failure(), 3_600_000)).toBe(30);
});

it('of failures from any number of addresses 300 rows are made an hour', () => {
  const cap = new FailureCap();
  expect(admitted(cap, 5000, (index) => failure({ remoteAddress: `2001:db8::${index.toString(16)}` }))).toBe(
    300,
  );
  expect(admitted(cap, 5000, (index) => failure({ remoteAddress: `10.0.0.${index}` }), 3_600_000)).toBe(300);
});

it('what succeeds, or is of a user, always gets a row', () => {
  const cap = new FailureCap();
  expect(admitted(cap, 1000, () => failure({ userId: 'u' }))).toBe(1000);
  expect(admitted(cap, 1000, () => failure({ outcome: 'success' }))).toBe(1000);
  expect(admitted(cap, 1000, () => ({ type: 'logout' }))).toBe(1000);
});
