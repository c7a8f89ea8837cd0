// An MCP client, made with the official SDK. It knows only the server's URL, and finds out itself how its user logs in.
//
//   node client.mjs http://localhost:8090/mcp
//
// Then each line is a tool's name, and optionally its arguments as JSON.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const [serverUrl] = process.argv.slice(2);
const { CALLBACK_PORT = '8091', CLIENT_METADATA_URL } = process.env;
const redirectUrl = `http://127.0.0.1:${CALLBACK_PORT}/callback`;

const write = (line) => process.stdout.write(`${line}\n`);

/** What the client keeps of its authorization: here, in memory. */
const provider = {
  redirectUrl,
  ...(CLIENT_METADATA_URL === undefined ? {} : { clientMetadataUrl: CLIENT_METADATA_URL }),
  clientMetadata: {
    client_name: 'Notes helper',
    redirect_uris: [redirectUrl],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  },
  clientInformation: () => provider.client,
  saveClientInformation: (client) => void (provider.client = client),
  tokens: () => provider.kept,
  saveTokens: (tokens) => void (provider.kept = tokens),
  // Refused: the user has taken the access back.
  invalidateCredentials: () => void (provider.kept = undefined),
  saveCodeVerifier: (verifier) => void (provider.verifier = verifier),
  codeVerifier: () => provider.verifier,
  redirectToAuthorization: (url) => {
    provider.coming = codeFromBrowser();
    write(`OPEN ${url}`);
  },
};

/** Waits for the browser to come back with a code. */
function codeFromBrowser() {
  return new Promise((resolve, reject) => {
    const listener = createServer((request, response) => {
      const answer = new URL(request.url ?? '/', redirectUrl).searchParams;
      // A browser would come back on the same connection, behind which this listener still is.
      response.writeHead(200, { connection: 'close' }).end('You can close this window.');
      listener.close();
      const code = answer.get('code');
      if (code === null) {
        reject(new Error(`${answer.get('error')}: ${answer.get('error_description')}`));
      } else {
        resolve(code);
      }
    }).listen(Number(CALLBACK_PORT), '127.0.0.1');
  });
}

const client = new Client({ name: 'notes-helper', version: '1.0.0' });
let transport;

/** Does something that the server may want the user's permission for, first or more of it; it is then done again, once. */
async function permitted(act) {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) {
      throw error;
    }
    await transport.finishAuth(await provider.coming);
    return act();
  }
}

await permitted(async () => {
  transport = new StreamableHTTPClientTransport(new URL(serverUrl), { authProvider: provider });
  await client.connect(transport);
});
const { tools } = await permitted(() => client.listTools());
write(`CONNECTED ${JSON.stringify(tools.map(({ name }) => name))}`);
for await (const line of createInterface(process.stdin)) {
  const [, name = '', given = '{}'] = /^(\S+) ?(.*)$/.exec(line) ?? [];
  try {
    const { content } = await permitted(() =>
      client.callTool({ name, arguments: JSON.parse(given || '{}') }),
    );
    write(`ANSWER ${JSON.stringify(content.map(({ text }) => text))}`);
  } catch (error) {
    write(`REFUSED ${error.name}: ${error.message}`);
  }
}
process.exit();
