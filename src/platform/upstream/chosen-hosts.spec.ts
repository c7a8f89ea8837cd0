import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type LocalAuthority, makeAuthority } from '../../../test/support/local.authority.js';
import { ChosenHosts } from './chosen-hosts.js';

const PUBLIC_URL = 'https://auth.example.org';
let authority: LocalAuthority;
let ca: string;
let server: Server;
let answer: RequestListener;
let asked = 0;
let host: string;
let hosts: ChosenHosts;

beforeAll(async () => {
  authority = await makeAuthority();
  ca = await readFile(authority.path, 'utf8');
  server = createServer(await authority.issue('localhost', 2), (request, response) => {
    asked += 1;
    answer(request, response);
  }).listen(0, 'localhost');
  await once(server, 'listening');
  const address: AddressInfo | string | null = server.address();
  host = `localhost:${typeof address === 'object' ? address?.port : ''}`;
});

afterEach(async () => {
  await hosts?.onModuleDestroy();
});

afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await authority.remove();
});

function make(allowed: readonly string[] = [], AIR_GAPPED = false): ChosenHosts {
  hosts = new ChosenHosts({ PUBLIC_URL, AIR_GAPPED, ORG_CONNECTION_HOSTS: [...allowed] }, ca);
  return hosts;
}

describe('hosts that owners choose', () => {
  it.each([
    ['https://login.example.org/x', false],
    ['ldaps://dc1.example.org', false],
    ['ldap://dc1.example.org:1389', false],
    ['http://login.example.org', true],
    ['https://localhost', true],
    ['https://127.0.0.1:8443', true],
    ['https://[::1]', true],
    ['https://[fd00::1]', true],
    ['https://[::ffff:10.0.0.1]', true],
    ['https://192.168.1.1', true],
    ['https://169.254.169.254', true],
    ['https://login.example.org./x', true],
    ['ldaps://10.0.0.1', true],
    [`${PUBLIC_URL}/x`, true],
  ])('%s: refused %s', (url, isRefused) => {
    expect(make().faultOf(url) !== undefined).toBe(isRefused);
  });

  it('in an air gap, only named ones are allowed; a port that is the default needn’t be named', () => {
    const inside = make(['10.0.0.7:636', 'login.corp.internal'], true);
    expect(inside.faultOf('ldaps://10.0.0.7')).toBeUndefined();
    expect(inside.faultOf('ldap://10.0.0.7')).toBeDefined();
    expect(inside.faultOf('https://login.corp.internal/x')).toBeUndefined();
    expect(inside.faultOf('https://login.corp.internal:8443')).toBeDefined();
    expect(inside.faultOf('https://login.example.org')).toBeDefined();
  });

  it('a name that leads to a private address is refused when the connection is made', async () => {
    const url = `https://${hostname().toLowerCase()}:${host.split(':')[1]}/`;
    expect(make().faultOf(url)).toBeUndefined();
    asked = 0;
    await expect(hosts.fetch(url, {})).rejects.toMatchObject({ cause: { name: 'PrivateAddressError' } });
    expect(asked).toBe(0);
  });

  it('a call sends method, headers and form, and brings status, headers and text', async () => {
    answer = (request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        response.writeHead(400, { 'content-type': 'application/json' });
        response.end(
          JSON.stringify([request.method, request.headers['x-a'], Buffer.concat(parts).toString()]),
        );
      });
    };
    const found = await make([host]).fetch(`https://${host}/x`, {
      method: 'POST',
      headers: { 'x-a': 'b' },
      body: new URLSearchParams({ c: 'd' }),
    });
    expect([found.status, found.headers.get('content-type')]).toEqual([400, 'application/json']);
    expect(await found.json()).toEqual(['POST', 'b', 'c=d']);
  });

  it('a redirect is not followed', async () => {
    asked = 0;
    answer = (_request, response) => response.writeHead(302, { location: `https://${host}/y` }).end();
    expect((await make([host]).fetch(`https://${host}/x`, {})).status).toBe(302);
    expect(asked).toBe(1);
  });

  it('an answer that is too long is not read', async () => {
    answer = (_request, response) => response.end('x'.repeat(2_000_000));
    await expect(make([host]).fetch(`https://${host}/x`, {})).rejects.toThrow('too long');
  });
});
