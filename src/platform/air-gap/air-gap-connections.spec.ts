import { createServer } from 'node:http';
import { Socket, connect, createServer as createTcpServer } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { refuseOutsideConnections } from './air-gap-connections.js';

const outside = '198.51.100.7';
let takeBack: () => void;
let url: string;
let port: number;
const server = createServer((request, response) => {
  if (request.url === '/redirect') {
    response.writeHead(302, { location: `http://${outside}/` });
  }
  response.end('here');
});

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  port = typeof address === 'object' && address !== null ? address.port : 0;
  url = `http://127.0.0.1:${port}`;
});
afterAll(() => void server.close());
beforeEach(() => {
  takeBack = refuseOutsideConnections();
});
afterEach(() => takeBack());

/** The code of the error that a socket ends with. */
async function codeOf(socket: Socket): Promise<unknown> {
  const [error] = await once(socket, 'error', { signal: AbortSignal.timeout(5000) }).catch(
    (thrown: unknown) => [thrown],
  );
  socket.destroy();
  return error instanceof Error ? Reflect.get(error, 'code') : undefined;
}

/** A lookup function that resolves every name to these addresses, with or without the `all` option. */
function leadingTo(...addresses: readonly string[]) {
  return (
    _: string,
    { all }: { readonly all?: boolean | undefined },
    answer: (error: null, address: string | { address: string; family: number }[], family?: number) => void,
  ) => {
    const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    answer(null, all === true ? found : (found[0]?.address ?? ''), found[0]?.family);
  };
}

it('an address outside is refused in every form of a connection', async () => {
  const codes = await Promise.all([
    codeOf(connect(443, outside)),
    codeOf(connect({ port: 443, host: outside })),
    codeOf(connect({ port: 443, host: '2001:db8::7' })),
    codeOf(connect({ port: 80, host: '169.254.169.254' })),
    codeOf(new Socket().connect(443, outside)),
    codeOf(new Socket().connect({ port: 443, host: outside })),
    codeOf(connectTls({ port: 443, host: outside })),
    codeOf(connectTls(443, outside, { servername: 'example.org' })),
  ]);
  expect(new Set(codes)).toEqual(new Set(['EAIRGAPPED']));
});

it('a name that leads outside is refused before anything is sent, whichever of its addresses does', async () => {
  const codes = await Promise.all([
    codeOf(connect({ port: 443, host: 'db.internal', lookup: leadingTo(outside) })),
    codeOf(connect({ port: 443, host: 'db.internal', lookup: leadingTo(outside), autoSelectFamily: false })),
    codeOf(connect({ port, host: 'db.internal', lookup: leadingTo('127.0.0.1', '2001:db8::7') })),
    codeOf(connectTls({ port: 443, host: 'db.internal', lookup: leadingTo(outside) })),
  ]);
  expect(new Set(codes)).toEqual(new Set(['EAIRGAPPED']));
});

it('fetch is refused too, also by a redirect, and its cause says why', async () => {
  for (const address of [`http://${outside}/`, `${url}/redirect`, `https://${outside}/`]) {
    await expect(fetch(address)).rejects.toMatchObject({ cause: { code: 'EAIRGAPPED' } });
  }
});

it('what is inside is reached: by address, by name, by tls, by a socket file', async () => {
  expect(await (await fetch(url)).text()).toBe('here');
  expect(await (await fetch(`http://localhost:${port}`)).text()).toBe('here');
  const file = join(tmpdir(), `vestibule-${process.pid}.sock`);
  const local = createTcpServer((socket) => socket.end('file')).listen(file);
  await once(local, 'listening');
  const [text] = await once(connect(file).setEncoding('utf8'), 'data');
  local.close();
  expect(text).toBe('file');
});

it('can be taken back', async () => {
  const guarded = Reflect.get(Socket.prototype, 'connect');
  takeBack();
  expect(Reflect.get(Socket.prototype, 'connect')).not.toBe(guarded);
});
