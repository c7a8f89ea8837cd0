import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { findFreePorts } from '../../../../launcher/port-finder.js';
import { checkout, ownEnvironment, timeout } from '../../../../../test/journeys/journey.js';
import { type Agent, startAgent } from '../../../../../test/support/agent.program.js';
import { codeOf, landingOf, OAuthApp, tokensOf } from '../../../../../test/support/oauth.app.js';
import { bringFromPyPi } from '../../../../../test/support/python.program.js';
import { type StartedServer, startServer } from '../../../../../test/support/service.program.js';
import { type Stack, startStack } from '../../../../../test/support/stack.js';
import { UserAgent } from '../../../../../test/support/user-agent.js';
import { arriveVerified } from '../../../../../test/support/verified.person.js';

/** Milliseconds, on a machine that is busy with other things. */
const limit = 6 * timeout;
const [notesPort = 0, callbackPort = 0] = await findFreePorts(2);
const notes = `http://localhost:${notesPort}/mcp`;
const tasks = 'https://tasks.example/mcp';
const scopes = { 'notes:read': 'Read your notes' };
const callback = `http://127.0.0.1:${callbackPort}/callback`;

let stack: Stack;
let user: UserAgent;
let server: StartedServer;
let agent: Agent;

beforeAll(async () => {
  const [folder] = await Promise.all([
    bringFromPyPi('mcp'),
    (async () => {
      stack = await startStack({
        env: {
          PROTECTED_RESOURCES: JSON.stringify([
            { resource: notes, scopes },
            { resource: tasks, scopes },
          ]),
          DYNAMIC_REGISTRATION: 'true',
        },
      });
    })(),
  ]);
  const env = { ...ownEnvironment(), PYTHONPATH: folder, PYTHONDONTWRITEBYTECODE: '1' };
  server = await startServer(notes, [inject('pythonPath'), join(checkout, 'examples/mcp/server.py')], {
    cwd: checkout,
    env: { ...env, GATEWAY: stack.url, PORT: String(notesPort) },
  });
  const client = join(checkout, 'test/support/mcp_client.py');
  const command = [inject('pythonPath'), client, notes, String(callbackPort)];
  agent = startAgent(command, { cwd: checkout, env, limit });
  user = new UserAgent(stack.url);
  await arriveVerified(user, stack);
}, 10 * limit);

afterAll(async () => {
  await agent?.stop();
  await server?.stop();
  await stack?.stop();
});

/** Calls the server with a token, as a client does first. */
const initialize = async (token: string): Promise<Response> =>
  fetch(notes, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'a', version: '1' } },
    }),
  });

it(
  'a client of the Python SDK that knows only the URL of a FastMCP server comes to its user',
  async () => {
    const page = await user.navigate((await agent.said('OPEN')).slice(stack.url.length));
    expect(page.text).toContain('Notes in Python');
    expect(page.text).toContain(scopes['notes:read']);
    const landed = await user.submit(page, {}, { name: 'decision', value: 'allow' });
    expect(landingOf(landed).href).toContain(callback);
    expect((await fetch(landingOf(landed))).status).toBe(200);
    expect(await agent.said('CONNECTED')).toBe('whoami');
    const { sub } = await tokenFor(notes);
    expect(await agent.call('whoami')).toBe(sub);
  },
  2 * limit,
);

it(
  'the server refuses a token for another resource, and says where the right one is got',
  async () => {
    expect((await initialize((await tokenFor(notes)).token)).status).toBe(200);
    const refused = await initialize((await tokenFor(tasks)).token);
    expect(refused.status).toBe(401);
    const metadata = `http://localhost:${notesPort}/.well-known/oauth-protected-resource/mcp`;
    expect(refused.headers.get('www-authenticate')).toContain(`resource_metadata="${metadata}"`);
    expect(await (await fetch(metadata)).json()).toMatchObject({
      resource: notes,
      authorization_servers: [expect.stringContaining(stack.url)],
    });
  },
  2 * limit,
);

/** A token that the user allows a client of ours for one resource. */
async function tokenFor(resource: string): Promise<{ token: string; sub: string | undefined }> {
  const registration = await fetch(`${stack.url}/oauth2/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_name: 'Helper', redirect_uris: [callback] }),
  });
  const { client_id: id } = (await registration.json()) as { client_id: string };
  const app = new OAuthApp(stack.url, { id, secret: '' }, callback);
  const { path, verifier } = app.authorize({ audience: undefined, resource, scope: 'notes:read' });
  const landed = await user.submit(await user.navigate(path), {}, { name: 'decision', value: 'allow' });
  const { access_token: token } = tokensOf(await app.exchange(user, codeOf(landed), verifier));
  return { token, sub: decodeJwt(token).sub };
}
