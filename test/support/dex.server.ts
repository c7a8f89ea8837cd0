import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findFreePorts } from '../../src/embedded/port.finder.js';
import { waitUntil } from './stack.js';

/** Somebody with an account at it. */
export interface DexUser {
  readonly email: string;
  readonly password: string;
  /** As the ID token tells it. */
  readonly name: string;
}

/** Dex 2.13: an OpenID provider without `/userinfo` that shares no code with the others. */
export interface DexServer {
  /** Settings of a gateway that uses it. */
  readonly env: Readonly<Record<string, string>>;
  readonly user: DexUser;
  stop(): Promise<void>;
}

const source = fileURLToPath(new URL('dex-server/', import.meta.url));

/** Builds it from the pinned Go module beside this file, and starts it for a gateway of this origin. */
export async function startDexServer(gatewayUrl: string): Promise<DexServer> {
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-dex-'));
  const binary = join(folder, 'dex');
  const env = { ...process.env, GOWORK: 'off', CGO_ENABLED: '0' };
  execFileSync('go', ['build', '-o', binary, '.'], {
    cwd: source,
    stdio: ['ignore', 'ignore', 'inherit'],
    env,
  });
  const list = ['list', '-m', '-f', '{{.Dir}}', 'github.com/dexidp/dex'];
  const module = execFileSync('go', list, { cwd: source, encoding: 'utf8', env }).trim();
  const user = { email: 'ada@example.test', password: 'correct horse of the engine', name: 'Ada Lovelace' };
  const client = { id: 'vestibule', secret: 'the secret of a client at Dex' };
  const [port = 0] = await findFreePorts(1);
  const issuer = `http://localhost:${port}/dex`;
  const child = spawn(binary, {
    env: {
      ISSUER: issuer,
      PORT: String(port),
      WEB_DIR: join(module, 'web'),
      CLIENT_ID: client.id,
      CLIENT_SECRET: client.secret,
      REDIRECT_URI: `${gatewayUrl}/auth/callback`,
      USER_ID: 'ada',
      USER_EMAIL: user.email,
      USER_PASSWORD: user.password,
      USER_NAME: user.name,
    },
    stdio: 'ignore',
  });
  await waitUntil(
    async () =>
      fetch(`${issuer}/.well-known/openid-configuration`).then(
        ({ ok }) => ok,
        () => false,
      ),
    'the server to be discovered',
  );
  return {
    env: {
      AUTH_PROVIDER: 'oidc',
      OIDC_ISSUER: issuer,
      OIDC_CLIENT_ID: client.id,
      OIDC_CLIENT_SECRET: client.secret,
    },
    user,
    stop: async () => {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
