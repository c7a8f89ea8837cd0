import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { fuzz } from './fuzz.settings.js';
import { type FuzzedGateway, startFuzzedGateway } from './fuzzed.gateway.js';
import { type FuzzCase, type FuzzRoute, casesOf } from './route.cases.js';

/** Requests of one batch. */
const batchSize = 400;
/** Bytes by which a batch may grow what is kept; log lines, which the test keeps, are a part of it. */
const growth = 12 * 1024 * 1024;

let fuzzed: FuzzedGateway;
let collect: () => void;

beforeAll(async () => {
  setFlagsFromString('--expose-gc');
  const gc = z.custom<() => void>((value) => typeof value === 'function').parse(runInNewContext('gc'));
  collect = gc;
  fuzzed = await startFuzzedGateway();
});

afterAll(async () => {
  await fuzzed?.stop();
});

describe('memory', () => {
  it('does not grow with the number of odd requests', { timeout: 120_000 }, async () => {
    // Reads only: what is written has a right to be kept, in the database and in what is remembered of it.
    const routes = [...fuzzed.operations, ...fuzzed.others].filter(({ method }) => method === 'GET');
    const cases: (readonly [FuzzRoute, FuzzCase])[] = routes.flatMap((route) =>
      fc
        .sample(casesOf(route), { seed: fuzz.seed, numRuns: Math.ceil(batchSize / routes.length) })
        .map((sent) => [route, sent] as const),
    );
    const batch = async (): Promise<number> => {
      for (const [route, sent] of cases) {
        await fuzzed.send(route, sent);
      }
      collect();
      return process.memoryUsage().heapUsed;
    };
    // The first fills caches, which are bounded.
    await batch();
    const before = await batch();
    const after = await batch();
    expect(cases.length).toBeGreaterThanOrEqual(batchSize);
    expect(after - before).toBeLessThan(growth);
  });
});
