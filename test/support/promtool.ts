import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { buildGo } from './go.program.js';

/** Prometheus' own `promtool`. */
export interface Promtool {
  /** Runs it. @returns exit code and everything that it said. */
  run(args: readonly string[], input?: string): { readonly code: number | null; readonly text: string };
}

/** Builds it from the pinned Go module beside this file, without its service discovery. The first build takes minutes. */
export async function buildPromtool(): Promise<Promtool> {
  const folder = await buildGo('promtool', { packages: 'tool', tags: 'remove_all_sd' });
  return {
    run: (args, input = '') => {
      const { status, stdout, stderr } = spawnSync(join(folder, 'promtool'), args, {
        encoding: 'utf8',
        input,
      });
      return { code: status, text: `${stdout}${stderr}` };
    },
  };
}
