import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { buildProvider, type OtherProvider } from './go.provider.js';

/** The confidential client that the example server comes with. */
const client = { id: 'web', secret: 'secret' };

/**
 * Starts the example server of the Go library zitadel/oidc, a certified OpenID provider that shares no code with the others, for a
 * gateway of this origin.
 * @param callback path of the gateway to which the answer goes.
 */
export async function startZitadelServer(
  gatewayUrl: string,
  callback = '/auth/callback',
): Promise<OtherProvider> {
  const server = await buildProvider('zitadel-server', 'github.com/zitadel/oidc/v3/example/server');
  const user = { email: 'ada@example.test', name: 'Ada Lovelace' };
  const loginForm = { username: user.email, password: 'correct horse of the engine' };
  const [firstName = '', lastName = ''] = user.name.split(' ');
  const record = {
    id: 'ada',
    ...loginForm,
    firstName,
    lastName,
    email: user.email,
    emailVerified: true,
    preferredLanguage: 'en',
  };
  const users = join(server.folder, 'users.json');
  await writeFile(users, JSON.stringify({ [record.id]: record }));
  const [port = 0] = await findFreePorts(1);
  const env = { PORT: String(port), REDIRECT_URI: `${gatewayUrl}${callback}`, USERS_FILE: users };
  return server.serve(env, { issuer: `http://localhost:${port}/`, client, user, loginForm });
}
