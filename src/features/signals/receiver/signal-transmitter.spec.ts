import { once } from 'node:events';
import { type RequestListener, createServer } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SignalTransmitter } from './signal-transmitter.js';

const requests: string[] = [];
let server: ReturnType<typeof createServer>;
let origin: string;
let answer: RequestListener;

beforeEach(async () => {
  requests.length = 0;
  server = createServer((request, response) => {
    requests.push(request.url ?? '');
    answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const metadata = (members: object): RequestListener => {
  return (_request, response) => {
    response.end(JSON.stringify({ issuer: origin, jwks_uri: `${origin}/jwks`, ...members }));
  };
};

async function failure(issuer = origin): Promise<string> {
  const error: unknown = await new SignalTransmitter(issuer)
    .criticalMembers()
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'provider_unavailable', reason: 'transmitter_unreachable' });
  return String(Reflect.get(Object(error), 'cause'));
}

describe('the metadata of a transmitter', () => {
  it.each([
    ['', '/.well-known/ssf-configuration'],
    ['/', '/.well-known/ssf-configuration'],
    ['/issuer1', '/.well-known/ssf-configuration/issuer1'],
    ['/a/b/', '/.well-known/ssf-configuration/a/b'],
  ])('of the issuer with the path %j is at %s, and asked for once', async (path, at) => {
    const issuer = origin + path;
    answer = metadata({ issuer, critical_subject_members: ['tenant'] });
    const transmitter = new SignalTransmitter(issuer);
    const asked = [transmitter.criticalMembers(), transmitter.criticalMembers()];
    expect(await Promise.all(asked)).toEqual([['tenant'], ['tenant']]);
    expect(requests).toEqual([at]);
  });

  it('that redirects is not followed, in a loop or elsewhere', async () => {
    for (const location of ['/.well-known/ssf-configuration', '/elsewhere', 'http://169.254.169.254/']) {
      requests.length = 0;
      answer = (_request, response) => response.writeHead(302, { location }).end();
      expect(await failure()).toContain('302');
      expect(requests).toHaveLength(1);
    }
  });

  it.each([
    ['http://169.254.169.254/latest/meta-data/', 'not https'],
    ['https://169.254.169.254/latest/meta-data/', 'metadata service'],
    ['https://[fd00:ec2::254]/', 'metadata service'],
    ['https://[::ffff:169.254.169.254]/', 'metadata service'],
    ['https://2852039166/', 'metadata service'],
    ['https://metadata.google.internal/computeMetadata/v1/', 'metadata service'],
    ['http://keys.example.test/', 'not https'],
    ['ftp://127.0.0.1/jwks', 'not https'],
    ['file:///etc/passwd', 'not https'],
    ['data:application/json,{"keys":[]}', 'not https'],
    ['jwks', 'Invalid URL'],
  ])('with the jwks_uri %s is refused', async (uri, why) => {
    answer = metadata({ jwks_uri: uri });
    expect(await failure()).toContain(why);
    expect(requests).toHaveLength(1);
  });

  it.each([
    ['another issuer', { issuer: 'https://other.example' }],
    ['jwks_uri', { jwks_uri: undefined }],
    ['critical_subject_members', { critical_subject_members: 'device' }],
  ])('is refused for its %s', async (member, members) => {
    answer = metadata(members);
    expect(await failure()).toContain(member);
  });

  it('of an issuer with one more slash is refused', async () => {
    answer = metadata({ issuer: `${origin}/` });
    expect(await failure()).toContain('another issuer');
  });

  it('that is no JSON, or endless, or never comes is refused in time', async () => {
    answer = (_request, response) => response.end('<!doctype html>');
    await failure();
    answer = (_request, response) => {
      const more = (): void => {
        while (response.write('x'.repeat(65_536)));
        response.once('drain', more);
      };
      more();
    };
    expect(await failure()).toContain('too long');
    answer = () => undefined;
    expect(await failure()).toContain('timed out');
  });

  it('is not asked for again at once when it failed', async () => {
    answer = (_request, response) => response.writeHead(500).end();
    const transmitter = new SignalTransmitter(origin);
    for (const _attempt of [1, 2, 3]) {
      await expect(transmitter.criticalMembers()).rejects.toMatchObject({ code: 'provider_unavailable' });
    }
    expect(requests).toHaveLength(1);
  });
});
