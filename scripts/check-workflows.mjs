// Lints .github/workflows with actionlint, a Go module pinned in scripts/actionlint. Where that can't be built, nothing is linted, which
// is a failure in CI only.
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './prepare.mjs';

const workflows = join(root, '.github', 'workflows');
const files = readdirSync(workflows).map((name) => join(workflows, name));
const linter = findLinter();
if (linter === undefined) {
  process.stderr.write('workflows: not linted, because actionlint is built with Go 1.25 or newer\n');
  process.exitCode = process.env.CI === 'true' ? 1 : 0;
} else {
  // shellcheck and pyflakes are other programs, which a machine may have or not.
  const { status } = spawnSync(linter, ['-shellcheck=', '-pyflakes=', ...files], { stdio: 'inherit' });
  process.stdout.write(`workflows: ${files.length} files linted\n`);
  process.exitCode = status ?? 1;
}

/** @returns the path of actionlint, in Go's cache; undefined where there is no Go, or not the module. */
function findLinter() {
  try {
    return execFileSync('go', ['tool', '-n', 'actionlint'], {
      cwd: join(root, 'scripts', 'actionlint'),
      env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly', GOWORK: 'off' },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    }).trim();
  } catch {
    return undefined;
  }
}
