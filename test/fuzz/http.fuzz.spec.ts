import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fuzz, fuzzTimeout } from './fuzz.settings.js';
import { type FuzzedGateway, startFuzzedGateway } from './fuzzed.gateway.js';
import { type FuzzRoute, casesOf, rightCase } from './route.cases.js';

/** Operations that no case can end well: their answers need Kratos, a token of Hydra's, a setting that is off, or DNS. */
const unreachable = new Set([
  'POST /auth/login',
  'POST /auth/backchannel-logout',
  'GET /auth/callback',
  'POST /ssf/events',
  'POST /oauth2/register',
  'DELETE /api/v1/me/connected-apps/{applicationId}',
  'DELETE /api/v1/users/{id}/connected-apps/{applicationId}',
  'DELETE /api/v1/me',
  'POST /api/v1/users/{id}/recovery',
  'DELETE /api/v1/users/{id}/second-factors',
  'POST /api/v1/orgs/{id}/domain/check',
  'DELETE /api/v1/invites/{inviteId}',
]);

let fuzzed: FuzzedGateway;
const rejections: unknown[] = [];
const keepRejection = (reason: unknown): void => void rejections.push(reason);

beforeAll(async () => {
  process.on('unhandledRejection', keepRejection);
  fuzzed = await startFuzzedGateway();
});

afterAll(async () => {
  await fuzzed?.stop();
  process.off('unhandledRejection', keepRejection);
});

const nameOf = ({ method, path }: FuzzRoute): string => `${method} ${path}`;

/** Runs the cases of these routes. @returns what was wrong, by route, and the statuses that came. */
async function run(
  routes: readonly FuzzRoute[],
): Promise<{ failures: string[]; statuses: ReadonlyMap<string, ReadonlySet<number>> }> {
  const failures: string[] = [];
  const statuses = new Map<string, Set<number>>();
  for (const route of routes) {
    await fuzzed.renewWorld();
    const seen = new Set<number>();
    statuses.set(nameOf(route), seen);
    const property = fc.asyncProperty(casesOf(route), async (sent) => {
      const { answer, faults } = await fuzzed.send(route, sent);
      seen.add(answer.status);
      if (faults.length > 0) {
        throw new Error(faults.join('; '));
      }
    });
    const { failed, counterexample, errorInstance } = await fc.check(property, {
      seed: fuzz.seed,
      numRuns: fuzz.runs,
      examples: [[rightCase(route)]],
      // What fails is made smaller for so long, and then reported as it is: before the test's own limit, which would say nothing.
      plugins: [fc.interruptAfterTimeLimit(fuzzTimeout / 4, { failOnInterrupt: true })],
    });
    if (failed) {
      failures.push(
        `${nameOf(route)}: ${String(errorInstance ?? 'not ended in time')}\n${JSON.stringify(counterexample)}`,
      );
    }
  }
  return { failures, statuses };
}

describe('requests of every kind', () => {
  it(
    'to every operation of the OpenAPI document get an answer as it should be',
    { timeout: fuzzTimeout },
    async () => {
      expect(fuzzed.operations.length).toBeGreaterThan(50);
      const { failures, statuses } = await run(fuzzed.operations);
      expect(failures).toEqual([]);
      // The cases get behind the checks: an operation that never does its work was not tried.
      const neverDone = [...statuses].filter(([, seen]) => ![...seen].some((status) => status < 400));
      const left = neverDone.map(([name, seen]) =>
        unreachable.has(name) ? name : `${name} ${[...seen].join()}`,
      );
      expect(left.toSorted()).toEqual([...unreachable].toSorted());
    },
  );

  it('to all other routes too', { timeout: fuzzTimeout }, async () => {
    expect(fuzzed.others.length).toBeGreaterThan(50);
    const { failures } = await run(fuzzed.others);
    expect(failures).toEqual([]);
  });

  it('leave the process as it was', async () => {
    expect((await fuzzed.gateway.request('/health/live')).status).toBe(200);
    expect(rejections).toEqual([]);
    expect(Reflect.get({}, 'admin')).toBeUndefined();
  });
});
