import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findFreePorts } from '../../src/embedded/port.finder.js';
import { waitUntil } from './stack.js';

/** Somebody with an account at it. */
export interface ZitadelUser {
  readonly id: string;
  readonly username: string;
  readonly password: string;
  readonly email: string;
  readonly emailVerified: boolean;
  /** As the ID token and /userinfo tell it. */
  readonly name: string;
}

/** The example server of the Go library zitadel/oidc: a certified OpenID provider that shares no code with the others. */
export interface ZitadelServer {
  /** Settings of a gateway that uses it. */
  readonly env: Readonly<Record<string, string>>;
  readonly user: ZitadelUser;
  stop(): Promise<void>;
}

/** The confidential client that the example server comes with. */
const client = { id: 'web', secret: 'secret' };

/** Builds it from the pinned Go module beside this file, and starts it for a gateway of this origin. */
export async function startZitadelServer(gatewayUrl: string): Promise<ZitadelServer> {
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-zitadel-'));
  const binary = join(folder, 'server');
  execFileSync('go', ['build', '-o', binary, 'github.com/zitadel/oidc/v3/example/server'], {
    cwd: fileURLToPath(new URL('zitadel-server/', import.meta.url)),
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, GOWORK: 'off', CGO_ENABLED: '0' },
  });
  const user = {
    id: 'ada',
    username: 'ada@example.test',
    password: 'correct horse of the engine',
    email: 'ada@example.test',
    emailVerified: true,
    name: 'Ada Lovelace',
  };
  const [firstName = '', lastName = ''] = user.name.split(' ');
  const { id, username, password, email, emailVerified } = user;
  const users = join(folder, 'users.json');
  const record = {
    id,
    username,
    password,
    firstName,
    lastName,
    email,
    emailVerified,
    preferredLanguage: 'en',
  };
  await writeFile(users, JSON.stringify({ [id]: record }));
  const [port = 0] = await findFreePorts(1);
  const issuer = `http://localhost:${port}/`;
  const child = spawn(binary, {
    env: { PORT: String(port), REDIRECT_URI: `${gatewayUrl}/auth/callback`, USERS_FILE: users },
    stdio: 'ignore',
  });
  await waitUntil(
    async () =>
      fetch(`${issuer}.well-known/openid-configuration`).then(
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
