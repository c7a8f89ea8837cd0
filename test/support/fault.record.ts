import { appendFileSync } from 'node:fs';

/** Notes what a fault's test has measured, one JSON line each, in the file that `FAULTS_REPORT` names: docs/internals/faults.md has its numbers from there. */
export function recordFault(id: string, measured: Readonly<Record<string, number | string>>): void {
  const file = process.env['FAULTS_REPORT'];
  if (file !== undefined && file !== '') {
    appendFileSync(file, `${JSON.stringify({ id, ...measured })}\n`);
  }
}

/** A percentile of durations. @param share for example 0.99. */
export function percentile(durations: readonly number[], share: number): number {
  const sorted = durations.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
