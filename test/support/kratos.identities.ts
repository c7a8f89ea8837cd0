import { once } from 'node:events';
import { createServer } from 'node:http';
import { z } from 'zod';

const patchSchema = z.array(
  z.object({ op: z.enum(['add', 'remove', 'replace']), path: z.string(), value: z.unknown().optional() }),
);

/** An identity after a change: what Kratos answers to a JSON Patch (RFC 6902), or to the whole identity. @param body of the request. */
export function changedIdentity(method: string | undefined, body: string, identity: object): object {
  const changed = structuredClone(identity);
  if (method === 'PUT') {
    const whole: object = JSON.parse(body);
    return { ...changed, ...whole };
  }
  for (const { op, path, value } of patchSchema.parse(JSON.parse(body))) {
    const names = path.split('/').slice(1);
    const last = names.pop() ?? '';
    const parent = names.reduce<object>((place, name) => Object(Reflect.get(place, name)), changed);
    if (op === 'remove') {
      Reflect.deleteProperty(parent, last);
    } else {
      Reflect.set(parent, last, value);
    }
  }
  return changed;
}

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
      const body = Buffer.concat(chunks).toString();
      const id = request.url?.split('/')[3] ?? '';
      const isOfIdentity = request.url?.startsWith('/admin/identities/') === true;
      if (isOfIdentity) {
        calls.push(`${request.method} ${request.url} ${body}`.trim());
      }
      // It doesn't say whether a session is live, so renewals go by their grace.
      const isOfSession = request.method === 'GET' && request.url?.startsWith('/admin/sessions/') === true;
      const unasked = isOfSession ? 403 : 404;
      const code = isOfIdentity ? (status ?? (request.method === 'DELETE' ? 204 : 200)) : unasked;
      const answer = (): void => {
        response.writeHead(code, { 'content-type': 'application/json' });
        const written = request.method === 'PATCH' ? changedIdentity('PATCH', body, { id, traits: {} }) : {};
        response.end(code === 204 ? undefined : JSON.stringify(code === 404 ? { error: { code } } : written));
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
