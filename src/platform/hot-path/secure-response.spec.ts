import { once } from 'node:events';
import { type IncomingMessage, type RequestListener, ServerResponse, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type SecureResponseClass, secureResponse } from './secure-response.js';

const fields = { 'x-one': 'first', 'x-two': 'second', 'cache-control': 'no-store' };
const all = ['x-one: first', 'x-two: second', 'cache-control: no-store'];

/** The head that a client gets from this listener, without what Node adds, a line each. */
async function headBy(
  Response: SecureResponseClass,
  listener: RequestListener<typeof IncomingMessage, typeof ServerResponse>,
  method = 'GET',
) {
  const server = createServer({ ServerResponse: Response }, (incoming, response) => {
    response.sendDate = false;
    listener(incoming, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const [answer]: IncomingMessage[] = await once(
    request({ port, host: '127.0.0.1', method, headers: { connection: 'close' } }).end(),
    'response',
  );
  answer?.resume();
  server.close();
  await once(server, 'close');
  const raw = answer?.rawHeaders ?? [];
  return raw
    .flatMap((name, index) => (index % 2 === 0 ? [`${name}: ${raw[index + 1]}`] : []))
    .filter((field) => !/^(?:connection|transfer-encoding|content-length):/i.test(field));
}

/** The class that is made under a Node in which this method differs. */
function onNodeWith(name: string, replaced: unknown): SecureResponseClass {
  const kept: unknown = Reflect.get(ServerResponse.prototype, name);
  Reflect.set(ServerResponse.prototype, name, replaced);
  try {
    return secureResponse(fields);
  } finally {
    Reflect.set(ServerResponse.prototype, name, kept);
  }
}

function returnThis<T>(this: T): T {
  return this;
}

describe.each([
  ['this Node', secureResponse(fields)],
  ['a Node that has no _storeHeader', onNodeWith('_storeHeader', undefined)],
  ['a Node that writes heads without it', onNodeWith('writeHead', returnThis)],
])('under %s', (_node, Response) => {
  const headOf = async (listener: Parameters<typeof headBy>[1], method?: string) =>
    (await headBy(Response, listener, method)).toSorted();

  it.each<[string, RequestListener]>([
    ['nothing at all', (_request, response) => response.end('x')],
    ['a head without fields', (_request, response) => response.writeHead(200).end()],
    ['a stream', (_request, response) => void response.write('x', () => response.end('y'))],
    ['an answer without a body', (_request, response) => response.writeHead(304).end()],
  ])('%s carries all fields', async (_what, listener) => {
    expect(await headOf(listener)).toEqual(all.toSorted());
    expect(await headOf(listener, 'HEAD')).toEqual(all.toSorted());
  });

  it.each<[string, RequestListener]>([
    ['an object', (_request, response) => response.writeHead(200, { 'x-own': 'a', 'x-two': 'b' }).end()],
    [
      'names in capitals',
      (_request, response) => response.writeHead(200, { 'x-own': 'a', 'X-TWO': 'b' }).end(),
    ],
    ['a list', (_request, response) => response.writeHead(200, ['x-own', 'a', 'X-Two', 'b']).end()],
    [
      'a message beside it',
      (_request, response) => response.writeHead(200, 'Fine', { 'x-own': 'a', 'x-two': 'b' }).end(),
    ],
    [
      'setHeader',
      (_request, response) => {
        response.setHeader('x-own', 'a');
        response.setHeader('X-Two', 'b');
        response.end();
      },
    ],
    [
      'both',
      (_request, response) => {
        response.setHeader('x-own', 'a');
        response.writeHead(200, { 'x-two': 'b' }).end();
      },
    ],
  ])('what an answer says by %s stands alone, and the others are there', async (_how, listener) => {
    const fields = (await headOf(listener)).map((field) => field.toLowerCase());
    expect(fields.toSorted()).toEqual(['cache-control: no-store', 'x-one: first', 'x-own: a', 'x-two: b']);
  });

  it("a value that is a field's name leaves that field alone", async () => {
    const fields = await headOf((_request, response) => response.writeHead(200, ['x-own', 'x-one']).end());
    expect(fields.toSorted()).toEqual([...all, 'x-own: x-one'].toSorted());
  });
});

it('the text is what this Node gets', () => {
  expect(Object.hasOwn(secureResponse(fields).prototype, '_storeHeader')).toBe(true);
  expect(Object.hasOwn(onNodeWith('_storeHeader', undefined).prototype, '_storeHeader')).toBe(false);
});

it('pairs are read as names and values', async () => {
  // Node takes pairs as well, which its types don't know.
  const found = await headBy(secureResponse(fields), (_request, response) => {
    Reflect.apply(response.writeHead, response, [
      200,
      [
        ['x-own', 'x-one'],
        ['X-Two', 'b'],
      ],
    ]);
    response.end();
  });
  expect(found.toSorted()).toEqual(['X-Two: b', 'cache-control: no-store', 'x-one: first', 'x-own: x-one']);
});
