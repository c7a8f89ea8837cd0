import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type LocalAuthority, makeAuthority } from '../../../test/support/local.authority.js';
import { ClientDocuments } from './client-documents.js';

const PUBLIC_URL = 'https://auth.example.org';
let authority: LocalAuthority;
let certificate: { readonly cert: string; readonly key: string };
let ca: string;
let server: Server;
let answer: RequestListener;
let asked: number;
let host: string;
let url: string;
let documents: ClientDocuments;

beforeAll(async () => {
  authority = await makeAuthority();
  certificate = await authority.issue('localhost', 2);
  ca = await readFile(authority.path, 'utf8');
  server = createServer(certificate, (request, response) => {
    asked += 1;
    answer(request, response);
  }).listen(0, 'localhost');
  await once(server, 'listening');
});

afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await authority.remove();
});

/** A reader that may read from these hosts. */
function make(hosts: readonly string[], AIR_GAPPED = false): ClientDocuments {
  return new ClientDocuments(
    { PUBLIC_URL, AIR_GAPPED },
    { CLIENT_METADATA_HOSTS: [...hosts], AGENT_REDIRECT_URIS: [] },
    ca,
  );
}

const document = (changes: object = {}): object => ({
  client_id: url,
  client_name: 'Helper',
  redirect_uris: ['http://127.0.0.1/callback'],
  token_endpoint_auth_method: 'none',
  ...changes,
});

const send =
  (body: string | object, headers: Readonly<Record<string, string>> = {}, status = 200): RequestListener =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };

beforeAll(() => {
  const address: AddressInfo | string | null = server.address();
  host = `localhost:${typeof address === 'object' ? address?.port : ''}`;
  url = `https://${host}/client.json`;
});

afterEach(async () => {
  await documents?.onModuleDestroy();
});

describe('a metadata document', () => {
  it('describes the client, and is read once', async () => {
    asked = 0;
    documents = make([host]);
    answer = send(
      document({ grant_types: ['authorization_code', 'refresh_token'], logo_uri: 'https://x.example' }),
    );
    const [one] = await Promise.all([documents.read(url), documents.read(url)]);
    expect(one).toEqual({ name: 'Helper', redirectUris: ['http://127.0.0.1/callback'], refreshes: true });
    await documents.read(url);
    expect(asked).toBe(1);
  });

  it.each([
    ['of another address', { client_id: 'https://other.example/client.json' }],
    ['without redirect URIs', { redirect_uris: [] }],
    ['with a wildcard', { redirect_uris: ['https://*.example/callback'] }],
    ['with http elsewhere', { redirect_uris: ['http://client.example/callback'] }],
    ['with a script', { redirect_uris: ['javascript:alert(1)'] }],
    ['with a fragment', { redirect_uris: ['http://127.0.0.1/callback#x'] }],
    ['with https at another host', { redirect_uris: ['https://other.example/callback'] }],
    ['with this gateway as its target', { redirect_uris: [`${PUBLIC_URL}/auth/callback`] }],
    ['with a secret', { client_secret: 'secret' }],
    ['with another authentication', { token_endpoint_auth_method: 'client_secret_post' }],
    ['for other grants', { grant_types: ['client_credentials'] }],
    ['for implicit answers', { response_types: ['token'] }],
    ['with a name that runs backwards', { client_name: 'reppleH\u202E' }],
    ['with a name of two lines', { client_name: 'Helper\nof Vestibule' }],
    ['with a name that can’t be seen', { client_name: '\u3164' }],
  ])('%s is refused', async (_, changes) => {
    documents = make([host]);
    answer = send(document(changes));
    await expect(documents.read(url)).rejects.toMatchObject({ name: 'ClientMetadataError' });
  });

  it.each([
    ['that leads elsewhere', () => send('', { location: 'https://127.0.0.1/' }, 302)],
    ['that is missing', () => send({}, {}, 404)],
    ['that is a page', () => send(document(), { 'content-type': 'text/html' })],
    ['that is no JSON', () => send('{')],
    ['that is too large', () => send(document({ padding: 'x'.repeat(5120) }))],
    [
      'that never ends',
      (): RequestListener => (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        const more = (): void => void (response.destroyed || response.write('x'.repeat(1024), more));
        more();
      },
    ],
    [
      'that is cut off',
      (): RequestListener => (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
        response.write('{', () => response.destroy());
      },
    ],
  ])('%s is refused, and not asked for again', async (_, answering) => {
    asked = 0;
    documents = make([host]);
    answer = answering();
    for (let time = 0; time < 3; time += 1) {
      await expect(documents.read(url)).rejects.toMatchObject({ name: 'ClientMetadataError' });
    }
    expect(asked).toBe(1);
  });
});

describe('an address', () => {
  it.each([
    'http://client.example/x.json',
    'https://client.example',
    'https://client.example/',
    'https://user@client.example/x.json',
    'https://client.example/x.json#y',
    'https://client.example/a/../x.json',
    'https://CLIENT.example/x.json',
    'https://client.example./x.json',
    `https://client.example/${'x'.repeat(500)}`,
    `${PUBLIC_URL}/x.json`,
    'https://localhost/x.json',
    'https://a.localhost/x.json',
    'https://127.0.0.1/x.json',
    'https://10.0.0.1/x.json',
    'https://172.16.0.1/x.json',
    'https://192.168.0.1/x.json',
    'https://169.254.169.254/latest/meta-data',
    'https://100.64.0.1/x.json',
    'https://0.0.0.0/x.json',
    'https://2130706433/x.json',
    'https://[::1]/x.json',
    'https://[fd00::1]/x.json',
    'https://[fe80::1]/x.json',
    'https://[::ffff:10.0.0.1]/x.json',
    'https://[64:ff9b::a00:1]/x.json',
    'https://metadata.google.internal/x.json',
  ])('%s is not read', async (address) => {
    documents = make([]);
    await expect(documents.read(address)).rejects.toMatchObject({ name: 'ClientMetadataError' });
  });

  it.each([
    ['of a private address', 'https://10.0.0.1/x.json', [], false, 'private_address'],
    ['in an air gap', 'https://client.example/x.json', [], true, 'air_gap'],
    ['of an unknown host', 'https://none.invalid/x.json', ['none.invalid'], false, 'unknown_host'],
    ['that nothing listens at', 'https://localhost:1/x.json', ['localhost:1'], false, 'unreachable'],
  ] as const)('%s is refused with its cause for the log', async (_, address, hosts, airGapped, fault) => {
    documents = make([...hosts], airGapped);
    await expect(documents.read(address)).rejects.toMatchObject({ name: 'ClientMetadataError', fault });
  });

  it('whose name leads to this machine is not read', async () => {
    // This machine's own name resolves to one of its addresses, or not at all.
    documents = make([]);
    await expect(documents.read(`https://${hostname().toLowerCase()}/x.json`)).rejects.toMatchObject({
      name: 'ClientMetadataError',
    });
  });

  it('is read only where the operator names its host and port', async () => {
    asked = 0;
    answer = send(document());
    documents = make(['localhost']);
    await expect(documents.read(url)).rejects.toMatchObject({ name: 'ClientMetadataError' });
    expect(asked).toBe(0);
  });

  it('in an air gap is read from named hosts alone', async () => {
    answer = send(document());
    documents = make([host], true);
    expect(await documents.read(url)).toMatchObject({ name: 'Helper' });
    await expect(documents.read('https://client.example/x.json')).rejects.toMatchObject({
      name: 'ClientMetadataError',
    });
  });
});
