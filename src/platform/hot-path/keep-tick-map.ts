import { executionAsyncResource } from 'node:async_hooks';

/** An entry of the queue of `process.nextTick`, kept as long as the process runs. */
let entry: object | undefined;

/**
 * Keeps V8's hidden class of the entries in `process.nextTick`'s queue alive. It exists only for speed.
 *
 * V8 drops that class at any full collection that finds no entry, for example at night, or after much has been read at the start.
 * From then on, the runtime builds each entry property by property, and a request has about a dozen entries.
 *
 * Measured: without it, 5% fewer requests a second in a process that was made to collect everything at its start (docs/adr/0015).
 * The ADR names no Node version for that figure; docs/internals/performance.md measures the gateway, this included, with Node 20.20.2 and
 * 24.21.0.
 */
export function keepTickMap(): void {
  process.nextTick(() => {
    entry ??= executionAsyncResource();
  });
}
