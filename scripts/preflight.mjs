// What a first start needs besides Node, looked for in its first second: before anything is installed.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';

/**
 * Whether the start builds programs: it runs Ory itself, and none of them is given, on PATH or in the cache. Whether what is
 * there is the right version is found out by the build.
 */
function buildsPrograms(environment) {
  const {
    AUTH_PROVIDER = 'ory',
    KRATOS_ADMIN_URL,
    KRATOS_BIN,
    VESTIBULE_CACHE,
    XDG_CACHE_HOME,
  } = environment;
  if (AUTH_PROVIDER !== 'ory' || KRATOS_ADMIN_URL || KRATOS_BIN) {
    return false;
  }
  const cache = VESTIBULE_CACHE || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'vestibule');
  return (
    !(existsSync(cache) && readdirSync(cache).some((name) => /^kratos-.*[0-9a-f]$/.test(name))) &&
    spawnSync('/bin/sh', ['-c', 'command -v kratos'], { env: environment }).status !== 0
  );
}

/** @returns what is missing on this machine and how to get it; undefined when nothing is. */
export function missingTool(root, environment = process.env) {
  const file = join(root, '.env');
  const settings = { ...(existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {}), ...environment };
  if (!buildsPrograms(settings)) {
    return undefined;
  }
  const looked = spawnSync(
    '/bin/sh',
    ['-c', 'cc=$(go env CC) || exit 3; command -v "${cc%% *}" >/dev/null || exit 4'],
    { env: environment },
  );
  if (looked.status === 3) {
    const wanted = /^go (\S+)/m.exec(readFileSync(join(root, 'docker/kratos/go.mod'), 'utf8'))[1];
    return `Kratos, Hydra and Mailpit have to be built first, and there is no Go on this machine. Install Go ${wanted} or newer (https://go.dev/dl) and start again.`;
  }
  return looked.status === 4
    ? 'Kratos, Hydra and Mailpit have to be built first, and there is no C compiler on this machine. Install one (Debian, Ubuntu: apt install gcc libc6-dev; Alpine: apk add gcc musl-dev; macOS: xcode-select --install) and start again.'
    : undefined;
}

/** @returns the code of the network error that keeps npm from its registry; undefined when it answers, whatever it says. */
export function unreachableRegistry(runNpm) {
  const { stderr } = runNpm(['ping', '--fetch-retries=0', '--fetch-timeout=5000']);
  return /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)\b/.exec(
    stderr,
  )?.[1];
}
