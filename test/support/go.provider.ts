import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { goEnvironment } from './cached.part.js';
import { buildGo, goModule } from './go.program.js';
import { waitUntil } from './stack.js';

/** An OpenID provider that isn't ours and has one user. */
export interface OtherProvider {
  /** Settings of a gateway that uses it. */
  readonly env: Readonly<Record<string, string>>;
  /** The user, as the provider tells of them. */
  readonly user: { readonly email: string; readonly name: string };
  /** What the user fills in at its login form, by the form's own names. */
  readonly loginForm: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** A program that Go has built from a pinned module. */
export interface GoProgram {
  /** Of its own, for files that it reads. */
  readonly folder: string;
  /** Asks Go in the folder of the module. @returns what it prints. */
  go(args: readonly string[]): string;
  /** Starts it as a provider with these variables. */
  serve(
    env: Readonly<Record<string, string>>,
    provider: {
      readonly issuer: string;
      readonly client: { readonly id: string; readonly secret: string };
    } & Pick<OtherProvider, 'user' | 'loginForm'>,
  ): Promise<OtherProvider>;
}

/** Builds one. @param module folder of its Go module, beside this file. @param packages the package, where it isn't the module's own. */
export async function buildProvider(module: string, packages?: string): Promise<GoProgram> {
  const programs = await buildGo(module, packages === undefined ? {} : { packages });
  const [name = ''] = await readdir(programs);
  const binary = join(programs, name);
  const folder = await mkdtemp(join(tmpdir(), `vestibule-${module}-`));
  return {
    folder,
    go: (args) => execFileSync('go', args, { cwd: goModule(module), encoding: 'utf8', env: goEnvironment() }),
    serve: async (env, { issuer, client, ...rest }) => {
      const child = spawn(binary, { env, stdio: 'ignore' });
      const discovery = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
      await waitUntil(() => isDiscovered(discovery), 'the server to be discovered');
      return {
        ...rest,
        env: {
          AUTH_PROVIDER: 'oidc',
          OIDC_ISSUER: issuer,
          OIDC_CLIENT_ID: client.id,
          OIDC_CLIENT_SECRET: client.secret,
        },
        stop: () => end(child, folder),
      };
    },
  };
}

async function isDiscovered(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function end(child: ChildProcess, folder: string): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
  await rm(folder, { recursive: true, force: true });
}
