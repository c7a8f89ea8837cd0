/** Series of Prometheus' text format by name and labels, in the order in which they're told. */
export type ReadMetrics = ReadonlyMap<string, number>;

const line = /^([a-z_]\w*(?:\{.*\})?) (\S+)$/i;

/** Text format → series. @throws {SyntaxError} for a line that is none. */
export function readMetrics(text: string): ReadMetrics {
  const lines = text.split('\n').filter((row) => row !== '' && !row.startsWith('#'));
  return new Map(
    lines.map((row) => {
      const [, series, value] = line.exec(row) ?? [];
      if (series === undefined) {
        throw new SyntaxError(`not a line of the text format: ${row}`);
      }
      return [series, Number(value)] as const;
    }),
  );
}

/** By how much counters of ours went up: only those that did. */
export function increase(before: ReadMetrics, after: ReadMetrics): Readonly<Record<string, number>> {
  const risen = [...after].map(([series, value]) => [series, value - (before.get(series) ?? 0)] as const);
  return Object.fromEntries(
    risen.filter(([series, by]) => by !== 0 && /^vestibule_\w+_total\b/.test(series)),
  );
}
