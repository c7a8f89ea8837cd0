import { randomUUID } from 'node:crypto';
import { mkdir, readFile, readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { tryLock } from '../../scripts/lock.mjs';
import type { Progress } from '../../scripts/progress.mjs';
import { type PinnedBinary, buildArguments, pinnedBinaries } from './binary-pins.js';
import { type ChildRun, runChild, terminate } from './child-process.js';
import { LaunchError } from './launch.error.js';

/** Settings of a build. */
export interface BuildSetting {
  /** Folder of the Go module, `docker/<name>`. */
  readonly moduleFolder: string;
  /** Parent of the temporary folder, on the same file system as the cache, so that a rename can move the result. */
  readonly cacheFolder: string;
  /** Environment for `go`. Variables that would change the result are overridden. */
  readonly environment: Readonly<Record<string, string>>;
  readonly progress: Progress;
  /** Aborts the build. */
  readonly signal: AbortSignal;
}

/** Alternatives if binaries are missing and can't be built. */
export const waysOut = [
  'Any of these helps as well:',
  `  - set ${Object.values(pinnedBinaries)
    .map(({ pathVariable, title, version }) => `${pathVariable} (${title} ${version})`)
    .join(', ')} to the paths of binaries;`,
  '  - set KRATOS_PUBLIC_URL, KRATOS_ADMIN_URL, HYDRA_PUBLIC_URL and HYDRA_ADMIN_URL to an Ory that runs elsewhere.',
].join('\n');

/**
 * Builds a binary from its pinned Go module in a temporary folder, and passes its path to `use`, which moves it away.
 * @throws {LaunchError} stating what is missing.
 */
export async function buildBinary(
  binary: PinnedBinary,
  setting: BuildSetting,
  use: (path: string) => Promise<void>,
): Promise<void> {
  const { cacheFolder, moduleFolder, progress } = setting;
  setting.signal.throwIfAborted();
  await removeAbandoned(cacheFolder);
  const folder = join(cacheFolder, `build-${randomUUID()}`);
  // Locked before it exists: a parallel build removes folders without a lock as abandoned.
  const ours = tryLock(`${folder}.lock`);
  await mkdir(folder);
  const step = progress.step(`building ${binary.title} ${binary.version}`);
  try {
    const output = join(folder, binary.name);
    const run = runChild({
      // By a shell, which says in words that there is no Go.
      command: '/bin/sh',
      args: ['-c', 'exec go "$@"', 'sh', ...buildArguments(binary), '-o', output, binary.package],
      cwd: moduleFolder,
      env: {
        ...setting.environment,
        CGO_ENABLED: '0',
        GOFLAGS: '',
        GOWORK: 'off',
        GOTMPDIR: folder,
      },
    });
    const breakOff = () => void terminate(run, 2000);
    setting.signal.addEventListener('abort', breakOff, { once: true });
    const { code } = await run.exited;
    setting.signal.removeEventListener('abort', breakOff);
    setting.signal.throwIfAborted();
    if (code !== 0) {
      throw new LaunchError(await explain(binary, setting, run));
    }
    await use(output);
    step.done();
  } catch (error) {
    step.failed();
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
    ours.release?.();
  }
}

/** Explains from a build's output why it failed, and how to fix it. */
async function explain(binary: PinnedBinary, setting: BuildSetting, run: ChildRun): Promise<string> {
  const name = `${binary.title} ${binary.version}`;
  const said = run.lastLines().join('\n');
  const shown = run.lastLines().map((line) => `  ${line}`);
  const wanted = /^go (\S+)/m.exec(await readFile(join(setting.moduleFolder, 'go.mod'), 'utf8'))?.[1] ?? '';
  const install = `Install Go ${wanted} or newer (https://go.dev/dl) and start again. ${waysOut}`;
  if (/^(?:\S*sh: .*)?\bgo: (?:not found|command not found|Permission denied)/m.test(said)) {
    return `${name} isn't here yet, and without Go it can't be built.\n${install}`;
  }
  const causes: readonly (readonly [pattern: RegExp, cause: string, ...advice: readonly string[]])[] = [
    [
      /requires go >=|unknown directive|invalid go version|toolchain not available/,
      `: the installed Go is older than ${wanted}.`,
      install,
    ],
    [
      /dial tcp|no such host|i\/o timeout|proxyconnect|TLS handshake|unexpected status|connection refused|GOPROXY=off/,
      ": its Go modules couldn't be downloaded.",
      `Check the network, or set GOPROXY to a mirror that can be reached; without a network, start from a bundle (docs/production.md, "Without a network"). ${waysOut}`,
    ],
    [/no space left on device/, ': the disk is full (a build needs about 2 GB).'],
  ];
  const [, cause, ...advice] = causes.find(([pattern]) => pattern.test(said)) ?? [
    said,
    '; go says:',
    waysOut,
  ];
  return [`${name} can't be built${cause}`, ...shown, ...advice].join('\n');
}

/** Removes the folders of builds that were killed. */
async function removeAbandoned(cacheFolder: string): Promise<void> {
  for (const entry of await readdir(cacheFolder)) {
    if (/^build-[^.]+$/.test(entry)) {
      const folder = join(cacheFolder, basename(entry));
      const lock = tryLock(`${folder}.lock`);
      if (lock.release !== undefined) {
        await rm(folder, { recursive: true, force: true });
        lock.release();
      }
    }
  }
}
