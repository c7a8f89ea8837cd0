import { join } from 'node:path';
import { z } from 'zod';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { buildProvider, type OtherProvider } from './go.provider.js';

const moduleSchema = z.looseObject({ Dir: z.string() });

/** Starts Dex 2.13, an OpenID provider without `/userinfo` that shares no code with the others, for a gateway of this origin. */
export async function startDexServer(gatewayUrl: string): Promise<OtherProvider> {
  const dex = await buildProvider('dex-server');
  const module = moduleSchema.parse(
    JSON.parse(dex.go(['mod', 'download', '-json', 'github.com/dexidp/dex'])),
  );
  const user = { email: 'ada@example.test', name: 'Ada Lovelace' };
  const password = 'correct horse of the engine';
  const client = { id: 'vestibule', secret: 'the secret of a client at Dex' };
  const [port = 0] = await findFreePorts(1);
  const issuer = `http://localhost:${port}/dex`;
  const env = {
    ISSUER: issuer,
    PORT: String(port),
    WEB_DIR: join(module.Dir, 'web'),
    CLIENT_ID: client.id,
    CLIENT_SECRET: client.secret,
    REDIRECT_URI: `${gatewayUrl}/auth/callback`,
    USER_ID: 'ada',
    USER_EMAIL: user.email,
    USER_PASSWORD: password,
    USER_NAME: user.name,
  };
  return dex.serve(env, { issuer, client, user, loginForm: { login: user.email, password } });
}
