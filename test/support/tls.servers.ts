import { once } from 'node:events';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, createSecureContext, TLSSocket } from 'node:tls';
import type { ServerCertificate } from './local.authority.js';

/** Servers that speak TLS, all with one certificate. */
export interface TlsServers {
  /** Answers what Kratos, Hydra and an OpenID provider would. */
  readonly httpUrl: string;
  readonly smtpUrl: string;
  readonly redisUrl: string;
  readonly databaseUrl: string;
  /** How often anything was sent to them inside TLS. */
  readonly heard: () => number;
  stop(): Promise<void>;
}

/** What is in front of: TLS ends here. */
export interface PlainServers {
  readonly redisUrl: string;
  readonly databaseUrl: string;
}

/** Starts them on free ports of localhost. */
export async function startTlsServers(
  certificate: ServerCertificate,
  plain: PlainServers,
): Promise<TlsServers> {
  let heard = 0;
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  };
  const relay = (near: Socket, target: string): void => {
    const { hostname, port } = new URL(target);
    const far = connect(Number(port), hostname);
    keep(near);
    keep(far);
    near.on('data', () => (heard += 1));
    near.pipe(far).pipe(near);
  };

  const http = createHttpsServer({ ...certificate }, (request, response) => {
    heard += 1;
    const { status, body } = answerTo(request.url ?? '', httpUrl());
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  const smtp = createTlsServer({ ...certificate }, (socket) => {
    keep(socket);
    socket.write('220 mail.example.test ESMTP\r\n');
    let mail: string | undefined;
    socket.on('data', (chunk: Buffer) => {
      heard += 1;
      const text = chunk.toString();
      if (mail !== undefined) {
        // A mail comes in as many pieces as it likes, and ends with a dot on a line of its own (RFC 5321 section 4.1.1.4).
        mail += text;
        if (mail.endsWith('\r\n.\r\n')) {
          mail = undefined;
          socket.write('250 good\r\n');
        }
      } else if (/^DATA\r\n/i.test(text)) {
        mail = '';
        socket.write('354 go on\r\n');
      } else {
        socket.write('250 good\r\n');
      }
    });
  });
  const redis = createTlsServer({ ...certificate }, (socket) => relay(socket, plain.redisUrl));
  const context = createSecureContext({ ...certificate });
  const database = createServer((socket) => {
    keep(socket);
    // PostgreSQL's protocol begins TLS inside: SSLRequest is 8 bytes, and `S` agrees to it.
    socket.once('data', () => {
      socket.write('S');
      relay(new TLSSocket(socket, { isServer: true, secureContext: context }), plain.databaseUrl);
    });
  });
  const servers: readonly Server[] = [http, smtp, redis, database];
  for (const server of servers) {
    server.on('connection', keep);
    server.listen(0, 'localhost');
    await once(server, 'listening');
  }
  const httpUrl = (): string => `https://localhost:${portOf(http)}`;
  const through = new URL(plain.databaseUrl);
  through.hostname = 'localhost';
  through.port = portOf(database);
  through.searchParams.set('sslmode', 'verify-full');
  return {
    httpUrl: httpUrl(),
    smtpUrl: `smtps://localhost:${portOf(smtp)}`,
    redisUrl: `rediss://localhost:${portOf(redis)}`,
    databaseUrl: through.href,
    heard: () => heard,
    stop: async () => {
      sockets.forEach((socket) => socket.destroy());
      for (const server of servers) {
        server.close();
        await once(server, 'close');
      }
    },
  };
}

function portOf(server: Server): string {
  const address: AddressInfo | string | null = server.address();
  return String(typeof address === 'object' ? address?.port : '');
}

function answerTo(url: string, origin: string): { readonly status: number; readonly body: object } {
  if (url.includes('openid-configuration')) {
    return { status: 200, body: { issuer: origin, jwks_uri: `${origin}/keys`, ...endpointsOf(origin) } };
  }
  if (url.includes('keys') || url.includes('jwks')) {
    return { status: 200, body: { keys: [{ kid: 'made' }] } };
  }
  if (url.includes('token')) {
    return { status: 400, body: { error: 'invalid_grant' } };
  }
  if (url.includes('introspect')) {
    return { status: 200, body: { active: false } };
  }
  if (url.includes('whoami')) {
    return { status: 401, body: { error: { code: 401 } } };
  }
  return url.includes('/admin/sessions/')
    ? { status: 404, body: { error: { code: 404 } } }
    : { status: 200, body: {} };
}

function endpointsOf(origin: string): object {
  return {
    authorization_endpoint: `${origin}/authorize`,
    token_endpoint: `${origin}/token`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
  };
}
