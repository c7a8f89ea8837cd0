// The limits: the same answer without any question, and by a guard that does next to nothing.
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { startPeer, versionsOf } from './peer.mjs';
import { damaged } from './stateless.mjs';

const cookies = 20_000;

function unguarded(name, title, versions) {
  return {
    name,
    title,
    kind: 'limit',
    versions,
    async start(bench) {
      const { origin, pid, stop } = await startPeer(bench, name);
      const { headers } = bench;
      return {
        processes: () => [pid],
        stop,
        cases: [{ id: name, title, url: `${origin}/bench/guest`, headers }],
      };
    },
  };
}

export const nodeHttp = unguarded(
  'node-http',
  'node:http, unguarded',
  (bench) => `Node ${bench.nodeVersion}`,
);
export const nest = unguarded('nest', 'Nest with Fastify, unguarded', () =>
  versionsOf('@nestjs/core', '@nestjs/platform-fastify'),
);
export const fastify = unguarded('fastify', 'Fastify, unguarded', () => versionsOf('fastify'));

export const floor = {
  name: 'floor',
  title: 'a guard by hand in Nest with Fastify',
  kind: 'limit',
  versions: () => versionsOf('@nestjs/core', '@nestjs/platform-fastify'),
  async start(bench) {
    const key = randomBytes(32);
    const { origin, pid, stop } = await startPeer(bench, 'floor', { SECRET: key.toString('hex') });
    const sealed = Array.from({ length: cookies }, (_value, index) => sealedCookie(key, index));
    const file = join(bench.folder, 'floor-cookies');
    writeFileSync(file, `${sealed.join('\n')}\n`);
    const refused = [{}, { cookie: `floor=${damaged(sealed[0])}` }];
    const title = `${this.title} that opens an encrypted cookie`;
    const hot = { url: `${origin}/hot`, headers: { cookie: `floor=${sealed[0]}` } };
    const cold = { url: `${origin}/cold`, header: 'Cookie', prefix: 'floor=', file, from: 0, count: cookies };
    return {
      processes: () => [pid],
      stop,
      cases: [
        { id: 'floor-hot', title: `${title}, hot`, refused, ...hot },
        { id: 'floor-cold', title: `${title}, cold`, refused, ...cold },
      ],
    };
  },
};

function sealedCookie(key, index) {
  const claims = {
    sub: `01980000-0000-7000-8000-${String(index).padStart(12, '0')}`,
    email: `person-${String(index).padStart(6, '0')}@example.org`,
    exp: Math.floor(Date.now() / 1000) + 86_400,
  };
  const nonce = randomBytes(24);
  const text = xchacha20poly1305(key, nonce).encrypt(Buffer.from(JSON.stringify(claims)));
  return Buffer.concat([nonce, text]).toString('base64url');
}
