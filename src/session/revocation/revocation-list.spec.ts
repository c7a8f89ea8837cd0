import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { plainConfiguration } from '../../../test/support/gateway.js';
import { Clock } from '../../platform/time/clock.service.js';
import { newId } from '../../platform/core/identifier.js';
import { Problem } from '../../platform/errors/problem.error.js';
import type { RevocationRow } from '../../platform/database/database.schema.js';
import { RevocationList, clockAllowance } from './revocation-list.js';

const configuration = plainConfiguration();
const horizon = configuration.TOKEN_TTL * 1000 + clockAllowance;

/** The claims of a token that the list reads. */
function claims(moment: number): { sid: string; sub: string; jti: string; client_id: string } {
  return { sid: newId(moment), sub: newId(moment), jti: newId(moment), client_id: 'vestibule' };
}

function row(change: Partial<RevocationRow>): RevocationRow {
  const now = Date.now();
  return {
    id: newId(),
    kind: 'session',
    before: null,
    recorded_at: now,
    expires_at: now + horizon,
    ...change,
  };
}

describe('RevocationList', () => {
  let clock: Clock;
  let list: RevocationList;

  beforeEach(() => {
    clock = new Clock();
    list = new RevocationList(clock, configuration);
  });

  it('an ended session is ended, every other one is live', () => {
    const [ended, live] = [claims(Date.now()), claims(Date.now())];
    list.apply([row({ id: ended.sid })]);
    expect([list.verdict(ended), list.verdict(live)]).toEqual(['ended', 'live']);
  });

  it('keeps an end as long as a token can be live, and drops it later, without being told again', () => {
    const ended = claims(Date.now());
    list.apply([row({ id: ended.sid })]);
    clock.now = () => Date.now() + horizon - 1000;
    list.apply([]);
    expect(list.verdict(ended)).toBe('ended');
    clock.now = () => Date.now() + 2 * horizon;
    list.apply([]);
    clock.now = () => Date.now() + 4 * horizon;
    list.apply([]);
    expect(list.verdict(ended)).toBe('live');
  });

  it.each(['user', 'org'] as const)(
    'tokens of a changed %s that were minted before the change are stale, newer ones are live',
    (kind) => {
      const now = Date.now();
      const old = claims(now - 10);
      const org = { id: newId(), slug: 'a', role: 'member' } as const;
      list.apply([row({ id: kind === 'user' ? old.sub : org.id, kind, before: now })]);
      expect(list.verdict({ ...old, org })).toBe('outdated');
      expect(list.verdict({ ...old, org, jti: newId(now) })).toBe('live');
      expect(list.verdict(claims(now - 10))).toBe('live');
    },
  );

  describe('of a token in which somebody acts', () => {
    const now = Date.now();
    const [user, sid] = [newId(), newId()];
    const other = { sub: newId(), sid: newId(), jti: newId(now) };

    it.each([
      ['whose session or key has ended', { ...other, sid }, 'ended'],
      ['who was changed since their token', { ...other, sub: user, jti: newId(now - 1) }, 'outdated'],
      ['who was changed before their token', { ...other, sub: user, jti: newId(now) }, 'live'],
      ['who was changed, and whose token is not named', { sub: user }, 'outdated'],
      ['whose token is from before everything that was ended', { ...other, jti: newId(now - 1001) }, 'ended'],
      ['of whom nothing is known', other, 'live'],
      ['who is a client', { sub: 'a-client' }, 'live'],
    ] as const)('an actor %s, wherever in the chain', (_, actor, verdict) => {
      const token = claims(now - 10);
      list.apply([
        row({ id: sid, kind: 'api_key' }),
        row({ id: user, kind: 'user', before: now }),
        row({ id: '*', kind: 'everything', before: now - 1000 }),
      ]);
      const chains = [actor, { ...other, act: actor }, { ...actor, act: other }];
      expect(chains.map((act) => list.verdict({ ...token, act }))).toEqual([verdict, verdict, verdict]);
      expect(list.verdict(token)).toBe('live');
    });

    it('a change before the token counts for no actor whose own token is not named', () => {
      list.apply([row({ id: user, kind: 'user', before: now })]);
      expect(list.verdict({ ...claims(now), act: { sub: user } })).toBe('live');
    });
  });

  it('an older change that is heard later takes nothing back', () => {
    const now = Date.now();
    const token = claims(now - 10);
    list.apply([row({ id: token.sub, kind: 'user', before: now })]);
    list.apply([row({ id: token.sub, kind: 'user', before: now - 1000 })]);
    expect(list.verdict(token)).toBe('outdated');
  });

  it('everything before a moment: sessions that began earlier are ended', () => {
    const now = Date.now();
    list.apply([row({ id: '*', kind: 'everything', before: now })]);
    list.apply([row({ id: '*', kind: 'everything', before: now - 5000 })]);
    expect(list.verdict(claims(now - 1))).toBe('ended');
    expect(list.verdict(claims(now))).toBe('live');
  });

  it('an API key that was ended is ended', () => {
    const id = newId();
    list.apply([row({ id, kind: 'api_key' })]);
    expect(list.isEnded(id)).toBe(true);
  });

  it('goes on without the database however long, unless REVOCATION_MAX_STALENESS says otherwise', () => {
    clock.now = () => Date.now() + 3_600_000;
    expect(() => list.requireFresh()).not.toThrow();
    const strict = new RevocationList(new Clock(), plainConfiguration({ REVOCATION_MAX_STALENESS: '30s' }));
    expect(() => strict.requireFresh()).not.toThrow();
    const late = new Clock();
    const behind = new RevocationList(late, plainConfiguration({ REVOCATION_MAX_STALENESS: '30s' }));
    late.now = () => Date.now() + 31_000;
    expect(() => behind.requireFresh()).toThrow(Problem);
    behind.markRead();
    expect(() => behind.requireFresh()).not.toThrow();
  });

  it('a session is over when it was ended itself, or began before everything that was ended', () => {
    const now = Date.now();
    const ended = newId(now);
    list.apply([row({ id: ended }), row({ id: '*', kind: 'everything', before: now })]);
    expect([ended, newId(now - 1), newId(now)].map((id) => list.isSessionOver(id))).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('a newer change that is heard later counts', () => {
    const now = Date.now();
    const token = claims(now);
    list.apply([row({ id: token.sub, kind: 'user', before: now - 1000 })]);
    expect(list.verdict(token)).toBe('live');
    list.apply([row({ id: token.sub, kind: 'user', before: now + 1 })]);
    expect(list.verdict(token)).toBe('outdated');
  });

  it.each([
    row({}),
    row({ kind: 'user', before: Date.now() }),
    row({ id: '*', kind: 'everything', before: Date.now() }),
  ])('its revision grows with what is new and with nothing else: $kind', (revocation) => {
    const before = list.revision;
    list.apply([revocation]);
    const after = list.revision;
    expect(after).toBeGreaterThan(before);
    list.apply([revocation]);
    expect(list.revision).toBe(after);
  });

  describe('as time goes by', () => {
    const start = 1_800_000_000_000;
    let at = start;

    beforeEach(() => {
      at = start;
      clock.now = () => at;
      list = new RevocationList(clock, configuration);
    });

    const hear = (moment: number, ...rows: RevocationRow[]): void => {
      at = moment;
      list.apply(rows);
    };

    it('an end is kept for one generation and the next', () => {
      const [first, second] = [newId(start), newId(start)];
      hear(start, row({ id: first }));
      hear(start);
      hear(start + horizon - 1);
      hear(start + horizon, row({ id: second }));
      hear(start + 2 * horizon - 1);
      expect([list.size, list.isEnded(first), list.isEnded(second)]).toEqual([2, true, true]);
      hear(start + 2 * horizon);
      expect([list.size, list.isEnded(first), list.isEnded(second)]).toEqual([1, false, true]);
    });

    it('a change is kept until its row is over, and goes with the next generation', () => {
      const [kept, dropped] = [claims(start - 10), claims(start - 10)];
      const change = { kind: 'user', before: start } as const;
      hear(
        start,
        row({ ...change, id: kept.sub, expires_at: start + horizon }),
        row({ ...change, id: dropped.sub, expires_at: start + horizon - 1 }),
      );
      expect([list.verdict(kept), list.verdict(dropped)]).toEqual(['outdated', 'outdated']);
      hear(start + horizon);
      expect([list.verdict(kept), list.verdict(dropped)]).toEqual(['outdated', 'live']);
    });

    it('may be as old as REVOCATION_MAX_STALENESS, and no millisecond older', () => {
      const strict = new RevocationList(clock, plainConfiguration({ REVOCATION_MAX_STALENESS: '30s' }));
      at = start + 30_000;
      expect(() => strict.requireFresh()).not.toThrow();
      at += 1;
      expect(() => strict.requireFresh()).toThrow(
        expect.objectContaining({ code: 'revocations_unknown', reason: 'revocations_stale' }),
      );
    });
  });

  it(
    'with a million ended sessions a verdict takes no longer than a few microseconds',
    { timeout: 120_000 },
    () => {
      const moment = Date.now();
      const [like, stem] = [row({}), newId(moment).slice(0, -12)];
      const ends = randomBytes(6_000_000).toString('hex');
      const rows = Array.from({ length: 1_000_000 }, (_, index) => ({
        ...like,
        id: `${stem}${ends.slice(12 * index, 12 * index + 12)}`,
      }));
      list.apply(rows);
      const token = claims(moment);
      const started = performance.now();
      for (let count = 0; count < 100_000; count += 1) {
        list.verdict(token);
      }
      // A bound with room for a busy machine; docs/internals/sessions.md has the measured cost.
      expect((performance.now() - started) / 100_000).toBeLessThan(0.02);
      expect(list.verdict({ ...token, sid: rows[123_456]?.id ?? '' })).toBe('ended');
    },
  );
});
