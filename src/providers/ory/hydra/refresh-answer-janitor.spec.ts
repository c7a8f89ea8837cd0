import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { databaseKinds } from '../../../../test/support/database.kinds.js';
import { type FreshDatabase, freshDatabase } from '../../../../test/support/fresh.database.js';
import type { DatabaseConnection } from '../../../platform/database/database-connection.js';
import { Clock } from '../../../platform/time/clock.service.js';
import { RefreshAnswerJanitor } from './refresh-answer-janitor.js';
import { RefreshAnswerRepository } from './refresh-answer.repository.js';

const seconds = 1000;

describe.each(databaseKinds)('RefreshAnswerJanitor on %s', (kind) => {
  const [token, request] = ['ory_rt_secret.signature', 'what was asked'];
  let database: FreshDatabase;
  let connection: DatabaseConnection;
  let answers: RefreshAnswerRepository;
  let now: number;

  beforeEach(async () => {
    database = await freshDatabase(kind, inject('postgresUrl'));
    connection = await database.connectMigrated();
    const clock = new Clock();
    now = clock.now();
    clock.now = () => now;
    answers = new RefreshAnswerRepository(connection, clock);
  });

  afterEach(async () => {
    vi.useRealTimers();
    await database?.drop();
  });

  const rows = async () =>
    connection.query.selectFrom('refresh_answers').select(['state', 'sealed']).execute();

  /** Uses the token for the first time. @param wait milliseconds that the answer takes. */
  async function answered(wait = 0): Promise<void> {
    const use = await answers.claim(token, request);
    now += wait;
    expect(await answers.keep(token, use.state === 'claimed' ? use.holder : '', 'the tokens')).toBe(true);
  }

  /** Lets time pass, in which the janitor comes by again and again. */
  async function pass(milliseconds: number): Promise<void> {
    now += milliseconds;
    const purge = vi.spyOn(answers, 'purge');
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const janitor = new RefreshAnswerJanitor(answers);
    janitor.onModuleInit();
    vi.advanceTimersByTime(10 * seconds);
    janitor.onModuleDestroy();
    vi.useRealTimers();
    expect(purge).toHaveBeenCalledOnce();
    await purge.mock.results[0]?.value;
    purge.mockRestore();
  }

  it('leaves an answer for ten seconds, also to a replica whose clock is a minute ahead of another’s', async () => {
    await answered(15 * seconds);
    await pass(10 * seconds + 60 * seconds - 1);
    expect(await answers.look(token, request)).toEqual({ state: 'kept', request, answer: 'the tokens' });
  });

  it('removes it then, although nobody refreshes: that the token was used stays known for seven minutes', async () => {
    await answered();
    await pass(70 * seconds);
    expect(await rows()).toEqual([{ state: 'kept', sealed: null }]);
    expect(await answers.look(token, request)).toEqual({ state: 'used_up' });
    expect(await answers.claim(token, request)).toEqual({ state: 'used_up' });
    await pass(350 * seconds - 1);
    expect(await answers.isUsed(token)).toBe(true);
    await pass(1);
    expect(await rows()).toEqual([]);
  });

  it('leaves a use that is not answered yet', async () => {
    await answers.claim(token, request);
    await pass(119 * seconds);
    expect(await answers.look(token, request)).toEqual({ state: 'pending' });
  });
});
