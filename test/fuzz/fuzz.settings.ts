/** Cases of one route where nothing else is asked for: all of them together take less than a minute. */
const usualRuns = 20;
/** The same cases at each run, until somebody wants others. */
const usualSeed = 20_260_101;

function numberIn(name: string, usual: number): number {
  const given = Number(process.env[name] ?? usual);
  if (!Number.isSafeInteger(given)) {
    throw new TypeError(`${name} must be a whole number`);
  }
  return given;
}

/** What decides about the cases: `FUZZ_SEED` and `FUZZ_RUNS`, which are for longer runs (docs/internals/fuzzing.md). */
export const fuzz = {
  seed: numberIn('FUZZ_SEED', usualSeed),
  runs: numberIn('FUZZ_RUNS', usualRuns),
} as const;

/** Milliseconds that a test may take which runs so many cases for each of 120 routes: ten times what it takes alone. */
export const fuzzTimeout = 60_000 + fuzz.runs * 20_000;
