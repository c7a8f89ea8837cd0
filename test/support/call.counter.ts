import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Kysely, type KyselyPlugin, type RootOperationNode, SqliteQueryCompiler } from 'kysely';
import type { Database, Schema } from '../../src/platform/database/database.schema.js';

/** A loopback server that remembers what it was asked. */
export interface CountingServer {
  readonly url: string;
  /** Method and path of every request so far. */
  readonly requests: string[];
  stop(): Promise<void>;
}

/** Starts a server that answers `{}` to everything, and to a removal with nothing, as Ory does. @param headers of its answers. */
export async function startCountingServer(
  answer: { readonly status: number; readonly headers?: Readonly<Record<string, string>> } = { status: 200 },
): Promise<CountingServer> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    request.resume();
    if (request.method === 'DELETE' && answer.status === 200) {
      response.writeHead(204).end();
      return;
    }
    response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers }).end('{}');
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return { url: `http://127.0.0.1:${portOf(server)}`, requests, stop: () => stop(server) };
}

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => {
    server.close(resolve);
  });
}

/** Whether a gateway reads or writes something whatever the traffic: its polls, and the audit trail. */
export const isBackground = (statement: string): boolean =>
  /"(?:revocations|signing_keys|signal_streams|signal_keys|audit_events)"/.test(statement);

/** Leaves out that API keys were used, which is noted twice a minute for each key: a few times, and not for each request. */
export function withoutNotedUses(statements: readonly string[]): readonly string[] {
  const others = statements.filter(
    (statement) => !statement.startsWith('update "api_keys" set "last_used_at"'),
  );
  return statements.length - others.length > 10 ? statements : others;
}

/** Puts a recorder between the application and its database. @returns the SQL of every statement that is answered from now on. */
export function recordStatements(database: Database): string[] {
  const statements: string[] = [];
  const compiler = new SqliteQueryCompiler();
  const asked = new WeakMap<object, string>();
  const plugin: KyselyPlugin = {
    // Of a query within another one too, which has an id of its own and no answer.
    transformQuery: ({ node, queryId }): RootOperationNode => {
      asked.set(queryId, compiler.compileQuery(node, queryId).sql);
      return node;
    },
    transformResult: async ({ result, queryId }) => {
      statements.push(asked.get(queryId) ?? '');
      return result;
    },
  };
  const recorded: Kysely<Schema> = database.query.withPlugin(plugin);
  Reflect.set(database, 'query', recorded);
  return statements;
}
