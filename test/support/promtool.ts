import { spawnSync } from 'node:child_process';
import { inject } from 'vitest';

/** Runs Prometheus' own `promtool`. @returns its exit code and everything that it said. */
export function promtool(
  args: readonly string[],
  input = '',
): { readonly code: number | null; readonly text: string } {
  const { status, stdout, stderr } = spawnSync(inject('promtoolPath'), args, { encoding: 'utf8', input });
  return { code: status, text: `${stdout}${stderr}` };
}
