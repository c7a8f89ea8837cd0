// An MCP server with notes, made with the official SDK. Vestibule logs its users in and issues the tokens.
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { vestibule } from '@vestibule-auth/express';
import { protectedResource } from '@vestibule-auth/verify';
import express from 'express';
import { z } from 'zod';

const { GATEWAY = 'http://localhost:3000', PORT = '8090', REVOCATIONS_KEY } = process.env;

const options = {
  issuer: GATEWAY,
  resource: {
    url: `http://localhost:${PORT}/mcp`,
    name: 'Notes',
    scopes: ['notes:read', 'notes:write'],
  },
  ...(REVOCATIONS_KEY === undefined ? {} : { revocations: { key: REVOCATIONS_KEY } }),
};
const guard = vestibule(options);
const { path, document } = protectedResource(options);
const notesOf = new Map();

/** A server for one request of a user, and of the agent that acts for them. */
function serverFor({ user, claims }) {
  const server = new McpServer({ name: 'notes', version: '1.0.0' });
  const may = (scope) => claims.scope.split(' ').includes(scope);
  const answer = (text, isError = false) => ({ content: [{ type: 'text', text }], isError });
  const forbidden = answer('The user has not allowed this.', true);
  server.registerTool('list_notes', { description: 'Lists the notes of the user.' }, () =>
    may('notes:read') ? answer((notesOf.get(user.id) ?? []).join('\n') || 'There are no notes.') : forbidden,
  );
  server.registerTool(
    'add_note',
    { description: 'Adds a note.', inputSchema: { text: z.string().max(1000) } },
    ({ text }) => {
      if (!may('notes:write')) {
        return forbidden;
      }
      notesOf.set(user.id, [...(notesOf.get(user.id) ?? []), `${text} (by ${claims.act.sub})`]);
      return answer('Added.');
    },
  );
  return server;
}

const app = express();
app.get(path, (_request, response) => response.json(document));
// Each tool asks for its own scope.
app.post('/mcp', guard({ scope: [] }), express.json(), async (request, response) => {
  const server = serverFor(request.auth);
  const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
  response.on('close', () => void server.close());
  await server.connect(transport);
  await transport.handleRequest(request, response, request.body);
});
app.all('/mcp', guard({ scope: [] }), (_request, response) => response.status(405).end());
app.listen(Number(PORT), 'localhost');
