import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, readdir, rename } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { waitForLock } from '../../scripts/lock.mjs';
import { cacheFolder } from '../../src/launcher/binary.cache.js';
import { dockerFolder } from '../../src/launcher/binary.store.js';

const run = promisify(execFile);
const moduleFolder = join(dockerFolder, 'tools');

/** Longest that the first build may take, in milliseconds: about half a minute of two cores, and the modules' download. */
export const buildLimit = 600_000;

/** Copies docker/ without what docker/make-secrets.sh has made there. */
export async function copyDockerFolder(to: string): Promise<void> {
  const made = new Set(['secrets', '.env'].map((name) => join(dockerFolder, name)));
  await cp(dockerFolder, to, { recursive: true, filter: (path) => !made.has(path) });
}

/** Answers of the program in docker/tools: it reads a file as the tool that the file is made for does. */
export class DockerChecks {
  readonly #program: string;

  private constructor(program: string) {
    this.#program = program;
  }

  /** Builds the program, or takes it from the cache outside of the checkout where Kratos and Hydra are. */
  static async build(): Promise<DockerChecks> {
    const hash = createHash('sha256');
    for (const name of (await readdir(moduleFolder)).toSorted()) {
      hash.update(await readFile(join(moduleFolder, name))).update('\0');
    }
    const folder = cacheFolder(process.env, homedir());
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const program = join(
      folder,
      `checks-${process.platform}-${process.arch}-${hash.digest('hex').slice(0, 16)}`,
    );
    const release = await waitForLock(`${program}.lock`, () => undefined);
    try {
      if (!existsSync(program)) {
        const built = `${program}.${randomUUID()}`;
        const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '', GOWORK: 'off' };
        const args = ['build', '-mod=readonly', '-trimpath', '-buildvcs=false', '-o', built, '.'];
        await run('go', args, { cwd: moduleFolder, env });
        await rename(built, program);
      }
    } finally {
      release();
    }
    return new DockerChecks(program);
  }

  /** The project as `docker compose config` has it. @param env what the shell has set, besides the file .env. */
  async compose(path: string, env: Readonly<Record<string, string>> = {}): Promise<unknown> {
    return this.#read('compose', path, env);
  }

  /** BuildKit's stages of a Dockerfile and the warnings of its linter. */
  async dockerfile(path: string): Promise<unknown> {
    return this.#read('dockerfile', path);
  }

  /** A kustomization's objects, each decoded strictly into Kubernetes' own type. */
  async kustomize(folder: string): Promise<unknown> {
    return this.#read('kustomize', folder);
  }

  /** @throws with what the program said on standard error. */
  async #read(command: string, path: string, env: Readonly<Record<string, string>> = {}): Promise<unknown> {
    const { stdout } = await run(this.#program, [command, path], {
      env: { PATH: process.env['PATH'] ?? '', HOME: homedir(), ...env },
      maxBuffer: 16_777_216,
    });
    return JSON.parse(stdout);
  }
}
