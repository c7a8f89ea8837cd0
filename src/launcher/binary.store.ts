import { existsSync } from 'node:fs';
import { access, constants, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { createRequire } from 'node:module';
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import pLimit from 'p-limit';
import { z } from 'zod';
import { waitForLock } from '../../scripts/lock.mjs';
import type { Progress } from '../../scripts/progress.mjs';
import type { Environment } from '../platform/config/configuration.js';
import { oryRelease } from '../platform/config/ory-release.js';
import { buildBinary, waysOut } from './binary-builder.js';
import { cacheFolder, cachedPath, isIntact, putIntoCache, sha256Of } from './binary.cache.js';
import { type BinaryName, type PinnedBinary, pinnedBinaries } from './binary-pins.js';
import { runChild } from './child-process.js';
import { definedOnly } from './env-template.js';
import { LaunchError, messageOf } from './launch.error.js';
import { sqliteDsn } from './sqlite-dsn.js';

const oneAfterTheOther = pLimit(1);

/** The folder with the programs' Go modules and settings, `docker` in the checkout. */
export const dockerFolder = fileURLToPath(new URL('../../docker', import.meta.url));

/** Folder of the programs in a bundle (`npm run bundle`). A checkout has no such folder. */
const bundleFolder = fileURLToPath(new URL('../../bin', import.meta.url));

/** Digests of the programs that were packed with this package, by platform and name. A checkout has no such file. */
const packedPrograms = new URL('../../programs.json', import.meta.url);
const packedSchema = z.record(z.string(), z.record(z.string(), z.string()));

/**
 * Finds programs, each in this order: the path in its variable, the bundle, the package, the cache, PATH (the pinned version only), a
 * build with Go. Builds run one after the other, because the programs share packages, which Go compiles once then: 109 s on 2 cores
 * with all modules downloaded, 119 s at the same time. Two processes never build the same program: the second waits and reports it.
 * @returns their absolute paths.
 * @throws {LaunchError} if one isn't available; the message lists the alternatives.
 */
export async function findBinaries<Name extends BinaryName>(
  names: readonly Name[],
  environment: Environment,
  progress: Progress,
): Promise<Map<Name, string>> {
  const failed = new AbortController();
  const searches = names.map(
    async (name) => [name, await findBinary(name, environment, progress, failed)] as const,
  );
  try {
    return new Map(await Promise.all(searches));
  } catch (error) {
    failed.abort();
    await Promise.allSettled(searches);
    throw error;
  }
}

async function findBinary(
  name: BinaryName,
  environment: Environment,
  progress: Progress,
  failed: AbortController,
): Promise<string> {
  const binary: PinnedBinary = pinnedBinaries[name];
  const given = environment[binary.pathVariable];
  if (given) {
    return givenBinary(binary, resolve(given), progress);
  }
  const bundled = join(bundleFolder, binary.name);
  if (await isProgram(bundled)) {
    return bundled;
  }
  if (existsSync(packedPrograms)) {
    return (await findPacked(binary)) ?? (await findOnPath(binary, environment)) ?? missingPackage(binary);
  }
  const folder = cacheFolder(environment, homedir());
  const moduleFolder = join(dockerFolder, binary.name);
  const cached = await cachedPath(folder, binary, moduleFolder);
  if (await isIntact(cached)) {
    return cached;
  }
  const onPath = await findOnPath(binary, environment);
  if (onPath !== undefined) {
    return onPath;
  }
  const release = await lockCache(folder, cached, ({ pid }) => {
    progress.line(
      `waiting for another start (process ${pid}) to finish building ${binary.title} ${binary.version}`,
    );
  });
  try {
    if (!(await isIntact(cached))) {
      const setting = {
        moduleFolder,
        cacheFolder: folder,
        environment: { ...definedOnly(environment), ...withoutDownloads(environment) },
        progress,
        signal: failed.signal,
      };
      await oneAfterTheOther(async () => {
        try {
          await buildBinary(binary, setting, async (built) => {
            await assertVersion(binary, built);
            await putIntoCache(built, cached);
          });
        } catch (error) {
          // Before the next one begins.
          failed.abort();
          throw error;
        }
      });
    }
  } finally {
    release();
  }
  return cached;
}

const platform = `${process.platform}-${process.arch}`;
const programsPackage = `@vestibule-auth/programs-${platform}`;

/** A program in this platform's package, if it is the one that was packed with this package. */
async function findPacked({ name }: PinnedBinary): Promise<string | undefined> {
  const digests = packedSchema.parse(JSON.parse(await readFile(packedPrograms, 'utf8')));
  try {
    const manifest = createRequire(import.meta.url).resolve(`${programsPackage}/package.json`);
    const path = join(dirname(manifest), 'bin', name);
    return (await sha256Of(path)) === digests[platform]?.[name] ? path : undefined;
  } catch {
    return undefined;
  }
}

function missingPackage({ name, title, version, pathVariable }: PinnedBinary): never {
  throw new LaunchError(
    `${title} ${version} isn't here: install ${programsPackage} of the same version, or set ${pathVariable} to a ${name}.\n${waysOut}`,
  );
}

async function givenBinary(binary: PinnedBinary, path: string, progress: Progress): Promise<string> {
  try {
    await access(path, constants.X_OK);
  } catch (error) {
    throw new LaunchError(`${binary.pathVariable} is set, but ${path} is not a program that can be run.`, {
      cause: error,
    });
  }
  const version = await versionOf(binary, path);
  if (version !== binary.version) {
    progress.line(
      `${binary.pathVariable}: ${oryRelease(version) ?? version ?? 'an unknown version'}; made and tested with ${binary.title} ${binary.version}`,
    );
  }
  return path;
}

async function lockCache(
  folder: string,
  cached: string,
  onWait: (holder: { readonly pid: number }) => void,
): Promise<() => void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return await waitForLock(`${cached}.lock`, onWait);
  } catch (error) {
    throw new LaunchError(
      `The cache folder ${folder} can't be written (${messageOf(error)}). Set VESTIBULE_CACHE to another folder.`,
      { cause: error },
    );
  }
}

async function findOnPath(binary: PinnedBinary, environment: Environment): Promise<string | undefined> {
  for (const folder of (environment['PATH'] ?? '').split(delimiter).filter(isAbsolute)) {
    const path = join(folder, binary.name);
    if (
      (await isProgram(path)) &&
      (await versionOf(binary, path)) === binary.version &&
      (await hasSqlite(binary, path))
    ) {
      return path;
    }
  }
  return undefined;
}

async function isProgram(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** Checks that a built program runs and has the pinned version. @throws {LaunchError} */
async function assertVersion(binary: PinnedBinary, path: string): Promise<void> {
  const version = await versionOf(binary, path);
  if (version !== binary.version) {
    throw new LaunchError(
      `The ${binary.title} just built says it is ${version ?? 'nothing'} instead of ${binary.version}.`,
    );
  }
}

async function versionOf(binary: PinnedBinary, path: string): Promise<string | undefined> {
  const run = runChild({ command: path, args: binary.versionArgs, env: {} });
  const { code } = await run.exited;
  return code === 0 ? /(?:^|\s)v?(\d+\.\d+\.\d+\S*)/.exec(run.lastLines().join('\n'))?.[1] : undefined;
}

/** Whether a program supports SQLite, if it needs it: Ory's plain release binaries don't. */
async function hasSqlite(binary: PinnedBinary, path: string): Promise<boolean> {
  if (!binary.tags.includes('sqlite')) {
    return true;
  }
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-'));
  try {
    const env = { HOME: folder, DSN: sqliteDsn(join(folder, 'probe.sqlite')) };
    const { code } = await runChild({ command: path, args: ['migrate', 'sql', '-e', '--yes'], env }).exited;
    return code === 0;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Variables that forbid Go to download anything under `AIR_GAPPED`, unless the operator names a mirror in `GOPROXY`. */
function withoutDownloads(environment: Environment): Record<string, string> {
  return environment['AIR_GAPPED'] === 'true' && !environment['GOPROXY']
    ? { GOPROXY: 'off', GOTOOLCHAIN: 'local' }
    : {};
}
