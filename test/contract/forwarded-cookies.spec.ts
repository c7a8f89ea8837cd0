import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { noteRequest } from '../support/attack.counter.js';
import { kept, loginNames, misspelt, names, planted, secret, turns } from '../support/cookie.headers.js';
import {
  type FrontProxy,
  type RunProxy,
  proxyLimit,
  startEcho,
  startFrontProxy,
} from '../support/forward.proxy.js';

const echoSchema = z.looseObject({ headers: z.looseObject({ cookie: z.string().optional() }) });

/** What the application gets for a Cookie header each, sent byte by byte. */
type Received = (path: string, cookies: readonly string[]) => Promise<string | undefined>;

/** Puts a proxy before an application for the tests of a block. */
function useProxy(program: RunProxy): Received {
  let port: number;
  let proxy: FrontProxy;
  const upstreams: { stop(): Promise<void> }[] = [];

  beforeAll(async () => {
    const [front = 0, gateway = 0, app = 0] = await findFreePorts(3);
    port = front;
    // A gateway that lets everybody in: what is looked at is what comes through.
    upstreams.push(await startEcho(gateway), await startEcho(app));
    proxy = await startFrontProxy(program, { front, gateway, app });
  }, proxyLimit);

  afterAll(async () => {
    await proxy?.stop();
    await Promise.all(upstreams.map(async (upstream) => upstream.stop()));
  });

  return async (path, cookies) => {
    noteRequest();
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => (text += chunk));
    const lines = cookies.map((cookie) => `Cookie: ${cookie}\r\n`).join('');
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: close\r\n${lines}\r\n`,
      'latin1',
    );
    await once(socket, 'close');
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
    return echoSchema.parse(JSON.parse(text.slice(text.indexOf('\r\n\r\n')))).headers.cookie;
  };
}

describe.each(['nginx', 'caddy'] as const)('cookies through %s to an application', (program) => {
  const received = useProxy(program);

  describe.each(['/public/x', '/app/x'])('at %s', (path) => {
    it.each([...names, ...loginNames])('what stands before %s does not keep it in [H11]', async (name) => {
      for (const cookies of [...planted(name), ...misspelt(name)]) {
        expect.soft((await received(path, cookies)) ?? '', cookies.join(' | ')).not.toContain(secret);
      }
    });

    it('the application gets its own, as they are', async () => {
      for (const [header, own] of kept) {
        const pairs = (await received(path, [header]))?.split(/; */).filter((pair) => pair !== '');
        expect.soft(pairs, header).toEqual(own);
      }
      expect(await received(path, [])).toBeUndefined();
      const several = await received(path, ['a=1', `vestibule=${secret}`, `b=2; vestibule=${secret}`]);
      expect(several?.split(/[; ]+/).filter((pair) => pair !== '')).toEqual(['a=1', 'b=2']);
    });

    it('what is taken out leaves nothing behind', async () => {
      const ours = [`__Host-vestibule=${secret}`, 'ory_kratos_session=x', 'csrf_token_1=y'];
      expect(await received(path, [ours.join('; ')])).toBeUndefined();
      expect(await received(path, ours)).toBeUndefined();
      expect(await received(path, [['a=1', ...ours, 'b=2'].join('; ')])).toBe('a=1; b=2');
      expect(await received(path, [[...ours, 'a=1'].join('; ')])).toBe('a=1');
      const last = await received(path, [['a=1', ...ours].join('; ')]);
      expect(last).toBe(program === 'nginx' ? 'a=1;' : 'a=1');
    });

    it('a header of 14 kB keeps nothing in [H11]', async () => {
      for (const pair of [
        ';',
        ' ;',
        'a=1;',
        ', ;',
        ',vestibule,',
        'vestibule=x;',
        'vestibule=x;a;',
        '__Host-',
      ]) {
        const filling = pair.repeat(Math.floor(7_000 / pair.length));
        const cookies = [filling, filling, `vestibule=${secret}`];
        expect.soft((await received(path, cookies)) ?? '', pair).not.toContain(secret);
      }
    });
  });
});

describe('a Cookie header that nginx can’t take apart', () => {
  const received = useProxy('nginx');

  it.each([`mine=1, vestibule=${secret}; b=2`, `mine=1; b=2,__Host-ory_kratos_session=${secret}`, turns(14)])(
    'is not sent at all: %s [H11]',
    async (header) => {
      expect(await received('/public/x', [header])).toBeUndefined();
    },
  );
});

describe('cookies through Traefik, which passes on those that the gateway has left', () => {
  const received = useProxy('traefik');

  // This gateway leaves none. Which ones the real one leaves is in src/forward-auth/application-cookies.spec.ts.
  it.each(['/public/x', '/app/x'])('at %s none of the request is passed on by itself [H11]', async (path) => {
    for (const name of names) {
      for (const cookies of [...planted(name), ...misspelt(name)]) {
        expect.soft((await received(path, cookies)) ?? '', cookies.join(' | ')).toBe('');
      }
    }
  });
});
