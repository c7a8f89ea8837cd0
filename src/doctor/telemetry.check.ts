import { readFile } from 'node:fs/promises';
import type { Observation } from './check.port.js';
import { reasonOf } from './http.probe.js';

/** Kratos' setting, Hydra's setting under `sqa`, or the variable of both. The last match in a file counts. */
const settings =
  /^(?!\s*#)\s*(?:export\s+)?["']?(?:sqa-opt-out|opt_out|SQA_OPT_OUT)["']?\s*[:=]\s*["']?([^\s"'#]*)/gim;

/**
 * Checks that settings files of Kratos and Hydra turn their telemetry off. A running server doesn't report this.
 * @param paths of kratos.yml, hydra.yml, or files of environment variables.
 */
export async function telemetryIn(paths: readonly string[]): Promise<readonly Observation[]> {
  const found = await Promise.all(
    paths.map(async (path): Promise<readonly Observation[]> => {
      try {
        const values = [...(await readFile(path, 'utf8')).matchAll(settings)].map(([, value]) => value);
        return values.at(-1) === 'true' ? [] : [{ code: 'ory_telemetry_on', detail: path }];
      } catch (error) {
        return [{ code: 'check_incomplete', detail: `${path}: ${reasonOf(error)}` }];
      }
    }),
  );
  return found.flat();
}
