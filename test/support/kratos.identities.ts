import { once } from 'node:events';
import { createServer } from 'node:http';

/** Kratos' admin API, as far as profiles and accounts are administered through it. */
export interface KratosIdentities {
  readonly url: string;
  /** Method, path and body of every call about an identity so far. */
  readonly calls: string[];
  /** Status of what it answers from now on; undefined: as it should. */
  answerWith(status: number | undefined): void;
  /** Runs before the next answer. */
  before(act: () => Promise<unknown>): void;
  stop(): Promise<void>;
}

/** Starts one on a port of its own. */
export async function startKratosIdentities(): Promise<KratosIdentities> {
  const calls: string[] = [];
  let status: number | undefined;
  let act: (() => Promise<unknown>) | undefined;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const isOfIdentity = request.url?.startsWith('/admin/identities/') === true;
      if (isOfIdentity) {
        calls.push(`${request.method} ${request.url} ${Buffer.concat(chunks).toString()}`.trim());
      }
      // It doesn't say whether a session is live, so renewals go by their grace.
      const isOfSession = request.method === 'GET' && request.url?.startsWith('/admin/sessions/') === true;
      const unasked = isOfSession ? 403 : 404;
      const code = isOfIdentity ? (status ?? (request.method === 'DELETE' ? 204 : 200)) : unasked;
      const answer = (): void => {
        response.writeHead(code, { 'content-type': 'application/json' });
        response.end(code === 204 ? undefined : JSON.stringify(code === 404 ? { error: { code } } : {}));
      };
      const first = isOfIdentity ? act : undefined;
      if (first === undefined) {
        answer();
        return;
      }
      act = undefined;
      // What fails here fails the call, and with it the test.
      first().then(answer, () => response.destroy());
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    answerWith: (next) => {
      status = next;
    },
    before: (next) => {
      act = next;
    },
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
