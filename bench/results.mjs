// What measurements have kept in bench/results. docs/internals/performance.md is made from it, and the plan of scaling.md computes with it.
import { existsSync, readFileSync, readdirSync } from 'node:fs';

const folder = new URL('results/', import.meta.url);

/**
 * What bench/run.mjs has kept: the run with peers, and those of Vestibule alone on other Nodes.
 * @throws where there is none.
 */
export function readRuns() {
  const kept = existsSync(folder) ? readdirSync(folder).filter((name) => /^node-\d+\.json$/.test(name)) : [];
  const all = kept.toSorted().map((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')));
  const main = all.find(({ peers }) => peers !== undefined);
  if (main === undefined) {
    throw new Error('there are no results in bench/results: run npm run bench');
  }
  return { main, others: all.filter((other) => other !== main) };
}

/** What `keepTable` has kept under this name; undefined where it hasn't. */
export function readTable(name) {
  const path = new URL(`${name}.json`, folder);
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
}
