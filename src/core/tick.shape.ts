import { executionAsyncResource } from 'node:async_hooks';

/** An entry of the queue of `process.nextTick`, for as long as the process lives. */
let entry: object | undefined;

/**
 * Keeps V8 from forgetting what an entry of `process.nextTick`'s queue looks like. It does at any full collection that finds none,
 * as at night or after much has been read at the start; from then on each entry is built property by property in the runtime, which
 * costs a request, with its dozen of them, about a twentieth (docs/adr/0015).
 */
export function keepTickShape(): void {
  process.nextTick(() => {
    entry ??= executionAsyncResource();
  });
}
