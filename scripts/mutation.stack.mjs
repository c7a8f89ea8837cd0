// Stands in for test/support/stack.ts while mutants are tried: anyone who asks for the same stack again gets the same one, and it
// ends with the process; mutants are switched on and off under it. One with settings of its own is its own.
import * as own from '../test/support/stack.ts';

export * from '../test/support/stack.ts';

const kept = new Map();

export async function startStack(options = {}) {
  if (options.env !== undefined) {
    return own.startStack(options);
  }
  const kind = JSON.stringify(options);
  if (!kept.has(kind)) {
    // The application is made without a mutant: what one does to a constructor would stay.
    const { activeMutant } = globalThis.__stryker__;
    globalThis.__stryker__.activeMutant = undefined;
    kept.set(kind, await own.startStack(options));
    globalThis.__stryker__.activeMutant = activeMutant;
  }
  const stack = kept.get(kind);
  stack.shiftClock(0);
  stack.log.length = 0;
  return { ...stack, stop: async () => undefined };
}
