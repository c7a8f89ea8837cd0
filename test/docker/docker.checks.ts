import { execFile } from 'node:child_process';
import { cp, readFile, readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { dockerFolder } from '../../src/launcher/binary.store.js';
import { cachedPart, goEnvironment } from '../support/cached.part.js';

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
    const names = (await readdir(moduleFolder)).toSorted();
    const sources = await Promise.all(names.map((name) => readFile(join(moduleFolder, name))));
    const program = await cachedPart('checks', sources, async (to) => {
      const args = ['build', '-mod=readonly', '-trimpath', '-buildvcs=false', '-o', to, '.'];
      await run('go', args, { cwd: moduleFolder, env: goEnvironment() });
    });
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
