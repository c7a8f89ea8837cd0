// When a machine is too busy for a measurement: the run is thrown away and measured anew.
import { median } from './measure.mjs';

/** A run is thrown away if the middle half of the rounds of anything spreads over more than this part of its median. */
export const widestSpread = 0.15;
/** As often is a run measured before the machine is called too busy. */
export const mostRuns = 3;

/** A value below which this part of sorted ones is, between two neighbours if need be. */
function quantile(sorted, part) {
  const place = (sorted.length - 1) * part;
  const below = Math.floor(place);
  const above = Math.ceil(place);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
}

/** How far the middle half of values spreads, as a part of their median. */
export function halfSpread(values) {
  const sorted = values.toSorted((one, other) => one - other);
  return (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / median(sorted);
}

/** Names whose values spread too widely. @param found values of the rounds by name. */
export function tooWide(found) {
  return Object.keys(found).filter((name) => halfSpread(found[name]) > widestSpread);
}

/**
 * Measures until a run's spread is narrow enough.
 * @param valuesOf the values of the rounds by name, of what was measured. @param say told of each run that is thrown away.
 * @throws after {@link mostRuns} runs, so that nothing is written.
 */
export async function measureCalmly(measure, valuesOf, say) {
  let wide = [];
  for (let run = 1; run <= mostRuns; run += 1) {
    const found = await measure();
    wide = tooWide(valuesOf(found));
    if (wide.length === 0) {
      return found;
    }
    say(`run ${run} of at most ${mostRuns} is thrown away: ${wide.join(', ')} spread too widely`);
  }
  throw new Error(`This machine is too busy to measure: ${wide.join(', ')} spread too widely in each run.`);
}
