import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { findFreePorts } from '../../src/launcher/port.finder.js';
import { noteRequest } from '../support/attack.counter.js';
import { type FrontProxy, startEcho, startFrontProxy } from '../support/forward.proxy.js';

const echoSchema = z.looseObject({ headers: z.looseObject({ cookie: z.string().optional() }) });

/** What stands for a credential that only the browser has. */
const secret = 'LIVE';

/** Names that browsers have a credential under, on plain http and under https. */
const names = ['vestibule', 'ory_kratos_session', 'ory_hydra_session', 'ory_hydra_session_dev'].flatMap(
  (name) => [name, `__Host-${name}`],
);

/** Names that come with a login, and belong to no application either. */
const loginNames = [
  'vestibule-login.x1',
  'vestibule-challenge',
  'csrf_token_0a1b',
  'ory_kratos_continuity',
  'ory_hydra_login_csrf_1',
  'ory_hydra_consent_csrf_1',
];

/** Cookie headers in which something stands before a live cookie that a script of the application may have planted. */
const planted = (name: string): readonly (readonly string[])[] => [
  [`foo${name}=1; ${name}=${secret}`],
  [`a=${name}=1; ${name}=${secret}`],
  [`a=${name}; ${name}=${secret}`],
  [`${name}=x; ${name}=${secret}`],
  [`${name}=x; ${name}=y; ${name}=z; ${name}=${secret}`],
  [`__Host-${name}=x; ${name}=${secret}`],
  [`__Secure-${name}=x; ${name}=${secret}`],
  [`__Host-__Host-${name}=x; ${name}=${secret}`],
  [`vesti${name}=x; vestibule=x; ${name}=${secret}`],
  [`${name}; ${name}=${secret}`],
  [`${name}=; ${name}=${secret}`],
  [`${name}; =${name}; ${name}=${secret}`],
  [`${name.toUpperCase()}=x; ${name}=${secret}`],
  [`a="; ${name}=${secret}; b="`],
  [`a="${name}=x; ${name}=${secret}"`],
  [`a=1,${name}=x; ${name}=${secret}`],
  [`a=${name}=${name}=; b=${name}=; ${name}=${secret}; c=${name}=`],
  [`\u00C2\u00A0${name}=x; ${name}=${secret}`],
  [`${'a=1; '.repeat(300)}${name}=${secret}`],
  [`${`${name}=x; a=1; `.repeat(40)}${name}=${secret}`],
  [`a=${'vestibule='.repeat(300)}; ${name}=${secret}`],
];

/** The same in other spellings: other clients, and proxies that fold two headers into one. */
const misspelt = (name: string): readonly (readonly string[])[] => [
  [`a=1;${name}=${secret}`],
  [`a=1;   ${name}=${secret}`],
  [`a=1;\t${name}=${secret}`],
  [`a=1; \t ${name}=${secret}`],
  [`a=1;;; ${name}=${secret}`],
  [`; ${name}=${secret}`],
  [`\t${name}=${secret}`],
  [`a=1; ${name} =${secret}`],
  [`a=1; ${name}\t= ${secret}`],
  [`a=1; ${name}="${secret}"`],
  [`a=1, ${name}=${secret}`],
  [`a=1,${name}=${secret}`],
  [`a=1,\t${name}=${secret}; b=2`],
  [`${name}=x,${name}=${secret}`],
  [`a=1; ${name.toUpperCase()}=${secret}`],
  [`a=1; __Secure-${name.replace('__Host-', '')}=${secret}`],
  [`a=1`, `${name}=${secret}`],
  [`${name}=${secret}`, `a=1`],
  [`${name}=x`, `foo${name}=1`, `${name}=${secret}`],
  [`${name}`, `=x; ${name}=${secret}`],
];

/** A Cookie header in which the application's own and live ones stand in turns. */
const turns = (count: number): string =>
  Array.from({ length: count }, (_, index) => {
    const name = [...loginNames, ...names][index % (loginNames.length + names.length)];
    return `own${index}=1; ${name}=${secret}`;
  }).join('; ');

/** Cookie headers, and the application's own pairs in them. */
const kept: readonly (readonly [header: string, own: readonly string[]])[] = [
  ['theme=dark', ['theme=dark']],
  [`theme=dark; vestibule=${secret}; lang=en`, ['theme=dark', 'lang=en']],
  [`vestibule=${secret}; theme=dark`, ['theme=dark']],
  [`foovestibule=1; vestibule=${secret}`, ['foovestibule=1']],
  [
    `my-ory_kratos_session=1; __Host-mine=2; vesti=3; ory_=4`,
    ['my-ory_kratos_session=1', '__Host-mine=2', 'vesti=3', 'ory_=4'],
  ],
  ['a=vestibule; b=x=y=; c="q,r"; d', ['a=vestibule', 'b=x=y=', 'c="q,r"', 'd']],
  // As browsers have them after many logins, in turns with an application's.
  [
    turns(12),
    turns(12)
      .split('; ')
      .filter((pair) => pair.startsWith('own')),
  ],
];

it('README’s proxy takes out the same cookies as the example for Caddy', () => {
  const [own, shown] = ['examples/forward-auth/caddy/Caddyfile', 'README.md'].map(
    (path) =>
      /header_up Cookie .*/.exec(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'))?.[0],
  );
  expect(own).toBeDefined();
  expect(shown).toBe(own);
});

/** What the application gets for a Cookie header each, sent byte by byte. */
type Received = (path: string, cookies: readonly string[]) => Promise<string | undefined>;

/** Puts a proxy before an application for the tests of a block. */
function useProxy(program: 'nginx' | 'caddy'): Received {
  let port: number;
  let proxy: FrontProxy;
  const upstreams: { stop(): Promise<void> }[] = [];

  beforeAll(async () => {
    const [front = 0, gateway = 0, app = 0] = await findFreePorts(3);
    port = front;
    // A gateway that lets everybody in: what is looked at is what comes through.
    upstreams.push(await startEcho(gateway), await startEcho(app));
    proxy = await startFrontProxy(program, inject(`${program}Path`), { front, gateway, app });
  });

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
