import { type LogEvent, sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { databaseKinds } from '../../../test/support/database.kinds.js';
import { type FreshDatabase, migratedDatabase } from '../../../test/support/fresh.database.js';
import { newIdentity, plainConfiguration } from '../../../test/support/gateway.js';
import { nestLogOf } from '../../../test/support/nest.log.js';
import { waitUntil } from '../../../test/support/stack.js';
import { Clock } from '../../platform/time/clock.service.js';
import { newId } from '../../platform/core/identifier.js';
import type { DatabaseConnection } from '../../platform/database/database-connection.js';
import type { SessionRow } from '../../platform/database/database.schema.js';
import { RequiredFactors } from '../../directory/users/required-factors.js';
import { UsersService } from '../../directory/users/users.service.js';
import { ProviderGrants } from './provider-grants.js';
import { SessionJanitor } from './session-janitor.js';
import { SessionRepository } from './session.repository.js';

describe.each(databaseKinds)('SessionRepository on %s', (kind) => {
  let database: FreshDatabase;
  let connection: DatabaseConnection;
  let sessions: SessionRepository;
  let userId: string;

  beforeEach(async () => {
    database = await migratedDatabase(kind, inject('postgresUrl'));
    connection = database.connect();
    sessions = new SessionRepository(connection, new Clock());
    const users = new UsersService(connection, new Clock(), plainConfiguration(), new RequiredFactors());
    userId = (await users.recordLogin(newIdentity())).user.id;
  });

  afterEach(async () => {
    await database?.drop();
  });

  async function stored(changes: Partial<SessionRow> = {}): Promise<SessionRow> {
    const now = Date.now();
    const row: SessionRow = {
      id: newId(),
      user_id: userId,
      provider: 'ory',
      provider_session_id: null,
      oidc_sid: null,
      issuer: 'https://provider.example.test',
      subject: 'subject',
      client_id: 'vestibule',
      scope: 'openid',
      amr: 'pwd',
      acr: 'aal1',
      claims: '{}',
      auth_time: now,
      created_at: now,
      renewed_at: now,
      org_id: null,
      user_agent: null,
      remote_address: null,
      last_seen_at: now,
      ended_at: null,
      end_reason: null,
      ...changes,
    };
    await sessions.insert(row);
    return row;
  }

  it('gives back exactly what was stored, times as numbers', async () => {
    const row = await stored({ provider_session_id: 'kratos' });
    expect(await sessions.find(row.id)).toEqual(row);
    expect(await sessions.find(newId())).toBeUndefined();
  });

  it('a session of a user who is not there is refused', async () => {
    await expect(stored({ user_id: newId() })).rejects.toThrow();
  });

  const expiresAt = Date.now() + 600_000;
  const end = { reason: 'r', expiresAt, usedBefore: 0 };
  const from = { userAgent: 'Browser/1', remoteAddress: '127.0.0.1' };
  const oidc = { provider: 'oidc' } as const;

  it('of many ends at once exactly one counts, and its reason stays', async () => {
    const { id } = await stored();
    const other = new SessionRepository(kind === 'sqlite' ? connection : database.connect(), new Clock());
    const ends = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        (index % 2 ? other : sessions).end({ id }, `reason_${index}`, expiresAt),
      ),
    );
    const winner = ends.findIndex((end) => end.sessions.length === 1);
    expect(ends.filter((end) => end.sessions.length > 0 || end.revocations.length > 0)).toHaveLength(1);
    expect((await sessions.find(id))?.end_reason).toBe(`reason_${winner}`);
  });

  it('uses that race with an end: once it has ended, no use counts, and it stays ended', async () => {
    for (let round = 0; round < 20; round += 1) {
      const { id } = await stored();
      const other = new SessionRepository(kind === 'sqlite' ? connection : database.connect(), new Clock());
      await Promise.all([
        sessions.markUsed(id, from, true),
        other.end({ id }, 'logout', expiresAt),
        sessions.markUsed(id, from, true),
      ]);
      const ended = await sessions.find(id);
      expect(ended?.ended_at).toEqual(expect.any(Number));
      expect(await sessions.markUsed(id, from, true)).toBe(false);
      expect(await sessions.find(id)).toEqual(ended);
    }
  });

  it('a provider’s grant ends with its session, also one that comes after or during the end', async () => {
    const grants = new ProviderGrants(connection, new Clock(), plainConfiguration());
    const grant = { accessToken: 'access', refreshToken: 'refresh' };
    const [kept, late, during] = [await stored(oidc), await stored(oidc), await stored(oidc)];
    await grants.keep(kept.id, grant);
    expect((await grants.find(kept.id))?.grant).toEqual(grant);
    await sessions.end({ id: kept.id }, 'logout', expiresAt);
    await sessions.end({ id: late.id }, 'logout', expiresAt);
    await grants.keep(late.id, grant);
    const other = kind === 'sqlite' ? connection : database.connect();
    let keeping: Promise<void> | undefined;
    await other.query.transaction().execute(async (transaction) => {
      await transaction
        .updateTable('sessions')
        .set({ ended_at: Date.now() })
        .where('id', '=', during.id)
        .execute();
      keeping = grants.keep(during.id, grant);
      if (kind === 'postgres') {
        // It waits for the end, whose outcome it can't see yet.
        await waitUntil(async () => {
          const waiting = sql`select 1 from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'`;
          return (await waiting.execute(transaction)).rows.length > 0;
        }, 'the grant to wait for the end');
      }
    });
    await keeping;
    for (const { id } of [kept, late, during]) {
      expect(await grants.find(id)).toBeUndefined();
    }
  });

  it('a use writes where it was; only a confirmed one moves the idle limit', async () => {
    const { id } = await stored({ renewed_at: 1000, last_seen_at: 1000 });
    await sessions.markUsed(id, from, false);
    expect(await sessions.find(id)).toMatchObject({ renewed_at: 1000, user_agent: 'Browser/1' });
    await sessions.markUsed(id, from, true);
    expect((await sessions.find(id))?.renewed_at).toBeGreaterThan(1000);
  });

  it('each selector ends its sessions and no others, and records a revocation for each', async () => {
    const mine = await Promise.all(
      ['a', 'a', 'b'].map((sid) => stored({ oidc_sid: sid, subject: `s-${sid}` })),
    );
    const [first, second, third] = mine;
    const users = new UsersService(connection, new Clock(), plainConfiguration(), new RequiredFactors());
    const stranger = await stored({
      user_id: (await users.recordLogin(newIdentity())).user.id,
      oidc_sid: 'a',
      issuer: 'https://another.example.test',
    });
    const live = async (): Promise<string[]> => {
      const rows = await connection.query
        .selectFrom('sessions')
        .select('id')
        .where('ended_at', 'is', null)
        .orderBy('id')
        .execute();
      return rows.map(({ id }) => id);
    };
    const issuer = 'https://provider.example.test';
    await sessions.end({ issuer, subject: 's-b' }, 'r', expiresAt);
    expect(await live()).toEqual([first?.id, second?.id, stranger.id].sort());
    await sessions.end({ issuer, oidcSid: 'unknown' }, 'r', expiresAt);
    await sessions.endAll({ userId, except: first?.id ?? '' }, end);
    expect(await live()).toEqual([first?.id, stranger.id].sort());
    const { sessions: ended } = await sessions.end({ issuer, oidcSid: 'a' }, 'r', expiresAt);
    expect(ended.map(({ id }) => id)).toEqual([first?.id]);
    expect(await live()).toEqual([stranger.id]);
    const revoked = await connection.query.selectFrom('revocations').select('id').orderBy('id').execute();
    expect(revoked.map(({ id }) => id)).toEqual([first?.id, second?.id, third?.id].sort());
  });

  it('ends more sessions of one user than a statement has room for', async () => {
    const { id: _id, ...like } = await stored();
    const rows = Array.from({ length: 7000 }, () => ({ ...like, id: newId() }));
    for (let first = 0; first < rows.length; first += 1000) {
      await connection.query
        .insertInto('sessions')
        .values(rows.slice(first, first + 1000))
        .execute();
    }
    const statements: LogEvent[] = [];
    const counted = new SessionRepository(
      database.connect((event) => statements.push(event)),
      new Clock(),
    );
    const { ids, revocations } = await counted.endAll({ userId }, end);
    // The beginning and the end of the transaction are among them.
    expect(statements.length).toBeLessThan(8);
    expect([ids.length, revocations.length]).toEqual([7001, 7001]);
    const { count } = await connection.query
      .selectFrom('revocations')
      .select(({ fn }) => fn.countAll<number | string>().as('count'))
      .executeTakeFirstOrThrow();
    expect(Number(count)).toBe(7001);
  });

  it("lists a user's sessions that have not ended, newest first", async () => {
    const [old, recent] = [await stored(), await stored()];
    await stored({ ended_at: 2000 });
    const list = async (...page: [number, string?]): Promise<string[]> =>
      (await sessions.listOf(userId, { begun: 0, renewed: 0 }, ...page)).map(({ id }) => id);
    expect(await list(100)).toEqual([recent.id, old.id]);
    expect([await list(1), await list(1, recent.id), await list(1, old.id)]).toEqual([
      [recent.id],
      [old.id],
      [],
    ]);
    expect(await sessions.listOf(userId, { begun: Date.now(), renewed: 0 }, 100)).toEqual([]);
    expect(await sessions.listOf(userId, { begun: 0, renewed: Date.now() }, 100)).toEqual([]);
  });

  it('of many that end at once, only those with a live token matter to tokens, and one at least', async () => {
    const usedBefore = 5000;
    const idle = await stored({ renewed_at: 4000, last_seen_at: 4999 });
    const older = await stored({ renewed_at: 4000, last_seen_at: null });
    const used = await stored({ renewed_at: 4000, last_seen_at: 5000 });
    const fresh = await stored({ renewed_at: 6000, last_seen_at: null });
    const { revocations } = await sessions.endAll({ userId }, { ...end, usedBefore });
    expect(revocations.map(({ id }) => id).sort()).toEqual([used.id, fresh.id].sort());
    const rows = await connection.query.selectFrom('revocations').selectAll().execute();
    const told = rows.filter(({ expires_at: until }) => until === expiresAt);
    expect(told).toEqual(expect.arrayContaining(revocations));
    expect(told).toHaveLength(2);
    const untold = rows.filter(({ expires_at: until }) => until !== expiresAt);
    expect(untold.map(({ id }) => id).sort()).toEqual([idle.id, older.id].sort());
    expect(untold.every((row) => row.expires_at === row.recorded_at)).toBe(true);
    const [last, before] = [await stored({ last_seen_at: 3000 }), await stored({ last_seen_at: 2000 })];
    const next = await sessions.endAll({ userId }, { ...end, usedBefore });
    expect(next.ids.toSorted()).toEqual([last.id, before.id].sort());
    expect(next.revocations.map(({ id }) => id)).toEqual([last.id]);
  });

  it('what belongs to the end of many undoes it by failing', async () => {
    const { id } = await stored();
    const failing = sessions.endAll({ userId }, end, async () => Promise.reject(new Error('no')));
    await expect(failing).rejects.toThrow('no');
    expect((await sessions.find(id))?.ended_at).toBeNull();
    expect(await connection.query.selectFrom('revocations').selectAll().execute()).toEqual([]);
  });

  it('rows of sessions that are long over are removed in slices, live and recent ones stay', async () => {
    const day = 86_400_000;
    const now = Date.now();
    const begun = (days: number): string => newId(now - days * day);
    const kept = [
      await stored(),
      await stored({ id: begun(29), created_at: now - 29 * day }),
      await stored({ ended_at: now - 6 * day }),
    ];
    await stored({ ended_at: now - 8 * day });
    await stored({ id: begun(38), created_at: now - 38 * day });
    for (let count = 0; count < 600; count += 1) {
      await stored({ ended_at: 1000 });
    }
    const janitor = new SessionJanitor(sessions, new Clock(), plainConfiguration());
    expect(await janitor.clean()).toBe(602);
    const left = await connection.query.selectFrom('sessions').select('id').orderBy('id').execute();
    expect(left.map(({ id }) => id)).toEqual(kept.map(({ id }) => id).sort());
  });

  describe('the janitor', () => {
    const hour = 3_600_000;
    const week = 604_800_000;
    const configuration = plainConfiguration();
    const clock = new Clock();

    beforeEach(() => {
      vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    });

    afterEach(() => {
      vi.useRealTimers();
    });

    it('keeps a session for a week after its end, and after the end that it would have had at last', async () => {
      const now = Date.now();
      clock.now = () => now;
      const begun = now - week - configuration.SESSION_MAX_TTL * 1000;
      const kept = [await stored({ ended_at: now - week }), await stored({ id: newId(begun) })];
      await stored({ ended_at: now - week - 1 });
      await stored({ id: newId(begun - 1) });
      expect(await new SessionJanitor(sessions, clock, configuration).clean()).toBe(2);
      const left = await connection.query.selectFrom('sessions').select('id').execute();
      expect(left.map(({ id }) => id).sort()).toEqual(kept.map(({ id }) => id).sort());
    });

    it('comes each hour as long as the process runs', async () => {
      const janitor = new SessionJanitor(sessions, new Clock(), configuration);
      const { id } = await stored({ ended_at: 1000 });
      janitor.onModuleInit();
      vi.advanceTimersByTime(hour - 1);
      expect(await sessions.find(id)).toBeDefined();
      vi.advanceTimersByTime(1);
      await waitUntil(async () => (await sessions.find(id)) === undefined, 'the removal');
      janitor.onModuleDestroy();
      expect(vi.getTimerCount()).toBe(0);
    });

    it('says in the log when it can remove nothing', async () => {
      const janitor = new SessionJanitor(sessions, new Clock(), configuration);
      const told = await nestLogOf('warn', async (lines) => {
        await connection.query.schema.alterTable('sessions').renameTo('away').execute();
        janitor.onModuleInit();
        vi.advanceTimersByTime(hour);
        await waitUntil(() => lines.length > 0, 'the log line');
      }).finally(() => janitor.onModuleDestroy());
      expect(told.join('')).toContain('"reason":"session_purge_failed"');
    });
  });
});
