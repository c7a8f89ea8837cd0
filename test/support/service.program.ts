import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { inject } from 'vitest';
import { checkout } from '../journeys/started.vestibule.js';
import { nextProgram, writeNextApp } from './next.app.js';
import { waitUntil } from './stack.js';

/** What a service is made with. */
export type ServiceKind = 'express' | 'fastify' | 'hono' | 'nest' | 'next' | 'go' | 'flask' | 'fastapi';

const goModule = 'github.com/vestibule-auth/vestibule/packages/go';

/**
 * Writes a service's program into its folder, below one with the installed packages.
 * @returns the environment in which commands find the packages of this checkout for Go and Python.
 */
export function writeService(kind: ServiceKind, folder: string, program: string): NodeJS.ProcessEnv {
  if (kind === 'go') {
    writeFileSync(join(folder, 'main.go'), program);
    writeGoModule(folder);
  } else if (kind === 'flask' || kind === 'fastapi') {
    writeFileSync(join(folder, 'service.py'), program);
  } else if (kind === 'next') {
    writeNextApp(folder, program);
  } else {
    writeFileSync(join(folder, 'server.mjs'), compiled(program));
  }
  return {
    PATH: `${dirname(inject('pythonPath'))}:${process.env['PATH']}`,
    // Go's modules, as every project of a developer has them, are in the home.
    HOME: homedir(),
    GOFLAGS: '-mod=mod',
    PYTHONPATH: join(checkout, 'packages/python/src'),
    PYTHONDONTWRITEBYTECODE: '1',
    NEXT_TELEMETRY_DISABLED: '1',
  };
}

/** The command of a shell that starts such a service. @param port for those whose program doesn't name it. */
export function startOf(kind: ServiceKind, port: number): string {
  switch (kind) {
    case 'go':
      return 'go build -o service . && exec ./service';
    case 'flask':
      return `exec python3 -m flask --app service run --port ${port}`;
    case 'fastapi':
      return `exec python3 -m uvicorn service:app --port ${port}`;
    case 'next':
      return `exec node ${nextProgram} start --hostname 127.0.0.1 --port ${port}`;
    default:
      return 'exec node server.mjs';
  }
}

function compiled(text: string): string {
  return ts.transpileModule(text, {
    compilerOptions: {
      module: ts.ModuleKind.ESNext,
      target: ts.ScriptTarget.ES2023,
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
    },
  }).outputText;
}

/** What `go mod init` and `go get` write, with the package of this checkout and the modules that it is tested with. */
function writeGoModule(folder: string): void {
  const own = join(checkout, 'packages/go');
  const read = (file: string): string => readFileSync(join(own, file), 'utf8');
  const head = `module example.org/service\n\nrequire ${goModule} v0.0.0\n\nreplace ${goModule} => ${own}`;
  writeFileSync(join(folder, 'go.mod'), read('go.mod').replace(/^module .*$/m, head));
  writeFileSync(join(folder, 'go.sum'), read('go.sum'));
}

/** A server that a test has started. */
export interface StartedServer {
  /** What it has written to standard error since it answered first. */
  readonly errors: () => string;
  stop(): Promise<void>;
}

/** Starts a server and waits until it answers, whatever the status. @throws what it wrote if it ends before. */
export async function startServer(
  url: string,
  command: readonly string[],
  { cwd, env }: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): Promise<StartedServer> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += String(chunk)));
  await waitUntil(async () => {
    if (child.exitCode !== null) {
      throw new Error(errors);
    }
    return fetch(url).then(
      () => true,
      () => false,
    );
  }, `${program} at ${url} to answer`);
  errors = '';
  return {
    errors: () => errors,
    stop: async () => {
      if (child.exitCode === null) {
        const ended = once(child, 'exit');
        child.kill();
        await ended;
      }
    },
  };
}
