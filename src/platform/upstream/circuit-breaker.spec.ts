import { describe, expect, it, vi } from 'vitest';
import { CircuitBreaker, type Settle } from './circuit-breaker.js';
import { CircuitRegistry } from './circuit-registry.js';
import { timed } from '../../../test/support/timed.js';

const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
const answered = (status: number): Error =>
  Object.assign(new Error(`status ${status}`), { response: { status } });

async function fail(breaker: CircuitBreaker, error: unknown, times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    await breaker.run(() => Promise.reject(error)).catch(() => undefined);
  }
}

async function opened(): Promise<CircuitBreaker> {
  const breaker = new CircuitBreaker('kratos');
  await fail(breaker, refused, 4);
  expect(breaker.state).toBe('open');
  return breaker;
}

/** Waits until the circuit lets a call through. */
const tried = async (breaker: CircuitBreaker): Promise<Settle> =>
  vi.waitFor(() => breaker.begin(), { timeout: 3000, interval: 20 });

describe('a circuit breaker', () => {
  it('opens at the fourth silence in a row; from then on nobody is asked', async () => {
    const breaker = new CircuitBreaker('kratos');
    await fail(breaker, refused, 3);
    expect(breaker.state).toBe('closed');
    await fail(breaker, refused, 1);
    expect(breaker.state).toBe('open');
    const call = vi.fn(async () => 'answer');
    await expect(breaker.run(call)).rejects.toMatchObject({
      code: 'provider_unavailable',
      reason: 'kratos_circuit_open',
    });
    expect(call).not.toHaveBeenCalled();
  });

  it('never opens by what a caller can cause: each status below 500, and 500 itself', async () => {
    const breaker = new CircuitBreaker('kratos');
    for (const status of [400, 401, 403, 404, 409, 410, 422, 429, 500]) {
      await fail(breaker, answered(status), 10);
      expect(breaker.state, String(status)).toBe('closed');
    }
    await breaker.run(async () => new Response(null, { status: 404 }));
    await fail(breaker, answered(503), 4);
    expect(breaker.state).toBe('open');
  });

  it("counts a fetch's 502 to 504, and hands the answer on", async () => {
    const breaker = new CircuitBreaker('provider');
    for (const status of [502, 503, 504, 502]) {
      expect((await breaker.run(async () => new Response(null, { status }))).status).toBe(status);
    }
    expect(breaker.state).toBe('open');
  });

  it('a success between failures starts the count anew', async () => {
    const breaker = new CircuitBreaker('kratos');
    for (let round = 0; round < 3; round += 1) {
      await fail(breaker, refused, 3);
      await breaker.run(async () => 'answer');
    }
    expect(breaker.state).toBe('closed');
  });

  it('a second later one call tries, others fail at once meanwhile; a success closes it, a failure does not', async () => {
    const breaker = await opened();
    (await tried(breaker))(refused);
    await vi.waitFor(() => expect(breaker.state).toBe('open'), { timeout: 60_000 });
    const settle = await tried(breaker);
    expect(breaker.state).toBe('half_open');
    const { ms } = await timed(async () =>
      expect(breaker.run(async () => 'answer')).rejects.toMatchObject({ reason: 'kratos_circuit_open' }),
    );
    expect(ms).toBeLessThan(1900);
    settle();
    await vi.waitFor(() => expect(breaker.state).toBe('closed'), { timeout: 60_000 });
    expect(await breaker.run(async () => 'answer')).toBe('answer');
  });

  it('a clock that is set back while it is open keeps nobody out', async () => {
    const breaker = await opened();
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 86_400_000 });
    try {
      await vi.waitFor(async () => expect(await breaker.run(async () => 'answer')).toBe('answer'), {
        timeout: 3000,
        interval: 20,
      });
      expect(breaker.state).toBe('closed');
    } finally {
      vi.useRealTimers();
    }
  });

  it('a call that does not end is given up after two seconds, and told so', async () => {
    const breaker = new CircuitBreaker('kratos');
    let given: AbortSignal | undefined;
    const began = performance.now();
    const { ms } = await timed(async () =>
      expect(
        breaker.runInTime(async (signal) => {
          given = signal;
          return new Promise(() => undefined);
        }),
      ).rejects.toThrow('timed out'),
    );
    expect(performance.now() - began).toBeGreaterThan(1900);
    expect(ms).toBeLessThan(3500);
    expect(given?.aborted).toBe(true);
  });

  it('a call waits no longer for an upstream that answers what is passed on, and gives others no answer', async () => {
    const breaker = new CircuitBreaker('hydra');
    const others = setInterval(() => {
      breaker.runInTime(async () => Promise.reject(answered(503))).catch(() => undefined);
      void breaker.run(async () => 'answer');
    }, 100);
    try {
      const { ms } = await timed(async () =>
        expect(breaker.runInTime(async () => new Promise(() => undefined))).rejects.toThrow('timed out'),
      );
      expect(ms).toBeLessThan(3500);
    } finally {
      clearInterval(others);
    }
  });

  it.each([
    ['answers', async () => 'answer'],
    ['refusals', async () => Promise.reject(answered(404))],
  ])('a call waits longer for an upstream of which others get %s: it is busy, not away', async (_, act) => {
    const breaker = new CircuitBreaker('kratos');
    const others = setInterval(() => void breaker.runInTime(act).catch(() => undefined), 100);
    try {
      const answer = await breaker.runInTime(
        async () =>
          new Promise<string>((resolve) => {
            setTimeout(() => resolve('late'), 3000);
          }),
      );
      expect(answer).toBe('late');
    } finally {
      clearInterval(others);
    }
  });

  it('a late call waits longer for an upstream that says meanwhile that it is well, and for no other', async () => {
    const questions = {
      well: vi.fn(async () => undefined),
      away: vi.fn(async () => Promise.reject(refused)),
    };
    const late = async (question: () => Promise<unknown>): Promise<unknown> => {
      const breaker = new CircuitBreaker('kratos');
      breaker.askWhenLate(question);
      return breaker.runInTime(async () => new Promise((resolve) => setTimeout(() => resolve('late'), 3500)));
    };
    const outcomes = await Promise.allSettled([late(questions.well), late(questions.away)]);
    expect(outcomes).toMatchObject([{ value: 'late' }, { reason: { name: 'TimeoutError' } }]);
    expect(questions.well.mock.calls.length).toBeLessThanOrEqual(3);
  });

  it('a call that ends in time has a signal that stays quiet', async () => {
    const breaker = new CircuitBreaker('kratos');
    const aborted = vi.fn();
    const signal = await breaker.runInTime(async (given) => {
      given.addEventListener('abort', aborted);
      return given;
    });
    expect(signal.aborted).toBe(false);
    expect(aborted).not.toHaveBeenCalled();
  });

  it('a health check goes beside it while it is closed, and may close it', async () => {
    const breaker = new CircuitBreaker('kratos');
    await fail(breaker, refused, 3);
    await breaker.probe(async () => undefined);
    await fail(breaker, refused, 1);
    expect(breaker.state).toBe('open');
    await vi.waitFor(async () => breaker.probe(async () => undefined), { timeout: 3000, interval: 20 });
    expect(breaker.state).toBe('closed');
  });

  it('all that call an upstream share one, and its state can be read', async () => {
    const circuits = new CircuitRegistry();
    await fail(circuits.of('hydra'), refused, 4);
    circuits.add(new CircuitBreaker('database'));
    expect(circuits.of('hydra')).toBe(circuits.of('hydra'));
    expect(circuits.states()).toEqual([
      { name: 'hydra', state: 'open' },
      { name: 'database', state: 'closed' },
    ]);
  });
});
