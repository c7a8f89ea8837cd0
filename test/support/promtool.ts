import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Prometheus' own `promtool`, built for one spec. */
export interface Promtool {
  /** Runs it. @returns exit code and everything that it said. */
  run(args: readonly string[], input?: string): { readonly code: number | null; readonly text: string };
  remove(): void;
}

/**
 * Builds it from the pinned Go module beside this file, without its service discovery. The first build takes minutes, the next ones
 * seconds: Go keeps what it has compiled.
 */
export function buildPromtool(): Promtool {
  const folder = mkdtempSync(join(tmpdir(), 'vestibule-promtool-'));
  const binary = join(folder, 'promtool');
  execFileSync(
    'go',
    ['build', '-tags', 'remove_all_sd', '-o', binary, 'github.com/prometheus/prometheus/cmd/promtool'],
    {
      cwd: fileURLToPath(new URL('promtool/', import.meta.url)),
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, GOWORK: 'off', CGO_ENABLED: '0' },
    },
  );
  return {
    run: (args, input = '') => {
      const { status, stdout, stderr } = spawnSync(binary, args, { encoding: 'utf8', input });
      return { code: status, text: `${stdout}${stderr}` };
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
