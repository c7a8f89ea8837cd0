// Peers that decide from what the request carries, by a secret of theirs: nothing is asked, and nothing can be revoked at once.
import { randomBytes } from 'node:crypto';
import { openBrowser } from './browser.mjs';
import { freePort } from '../child.mjs';
import { bearerFrom, startPeer, versionsOf } from './peer.mjs';

const secret = () => randomBytes(32).toString('hex');

/** One whose `/login` says a token. */
function bearerPeer({ name, title, packages, program, env = {} }) {
  return {
    name,
    title,
    kind: 'stateless',
    versions: () => versionsOf(...packages),
    async start(bench) {
      const { origin, pid, stop } = await startPeer(bench, program, { ...env, SECRET: secret() });
      const headers = await bearerFrom(`${origin}/login`);
      const url = `${origin}/me`;
      const refused = [{}, { authorization: damaged(headers.authorization) }];
      return { processes: () => [pid], stop, cases: [{ id: name, title, url, headers, refused }] };
    },
  };
}

/** One whose `/login` sets a cookie. */
function cookiePeer({ name, title, packages }) {
  return {
    name,
    title,
    kind: 'stateless',
    versions: () => versionsOf(...packages),
    async start(bench) {
      const { origin, pid, stop } = await startPeer(bench, name, { SECRET: secret() });
      const browser = openBrowser();
      await browser.follow(`${origin}/login`);
      const url = `${origin}/me`;
      const cookie = await browser.cookies(url);
      const refused = [{}, { cookie: damaged(cookie) }];
      return {
        processes: () => [pid],
        stop,
        cases: [{ id: name, title, url, headers: { cookie }, refused }],
      };
    },
  };
}

export const fastifyJwt = bearerPeer({
  name: 'fastify-jwt',
  title: '@fastify/jwt on bare Fastify, HS256 bearer',
  packages: ['@fastify/jwt', 'fastify'],
  program: 'fastify-jwt',
});
export const nestExpress = bearerPeer({
  name: 'nest-passport-jwt',
  title: 'passport-jwt on Nest with Express, HS256 bearer',
  packages: ['passport-jwt', '@nestjs/core', '@nestjs/platform-express'],
  program: 'nest-passport-jwt',
  env: { PLATFORM: 'express' },
});
export const nestFastify = bearerPeer({
  name: 'nest-passport-jwt-fastify',
  title: 'passport-jwt on Nest with Fastify, HS256 bearer',
  packages: ['passport-jwt', '@nestjs/core', '@nestjs/platform-fastify'],
  program: 'nest-passport-jwt',
  env: { PLATFORM: 'fastify' },
});
export const secureSession = cookiePeer({
  name: 'secure-session',
  title: '@fastify/secure-session on bare Fastify, encrypted cookie',
  packages: ['@fastify/secure-session', 'fastify'],
});
export const nestSecureSession = cookiePeer({
  name: 'nest-secure-session',
  title: '@fastify/secure-session on Nest with Fastify, encrypted cookie',
  packages: ['@fastify/secure-session', '@nestjs/core', '@nestjs/platform-fastify'],
});
export const ironSession = cookiePeer({
  name: 'iron-session',
  title: 'iron-session on node:http, encrypted cookie',
  packages: ['iron-session'],
});

export const expressOpenid = {
  name: 'express-openid-connect',
  title: 'express-openid-connect, encrypted cookie',
  kind: 'stateless',
  versions: () => versionsOf('express-openid-connect', 'express'),
  async start(bench) {
    const port = await freePort();
    const client = bench.openid.register(`http://127.0.0.1:${port}/callback`);
    const { origin, pid, stop } = await startPeer(bench, 'express-openid-connect', {
      PORT: String(port),
      ISSUER: bench.openid.issuer,
      CLIENT_ID: client.client_id,
      CLIENT_SECRET: client.client_secret,
      SECRET: secret(),
    });
    const browser = openBrowser();
    await browser.follow(`${origin}/login`);
    const url = `${origin}/me`;
    const cookie = await browser.cookies(url);
    const refused = [{}, { cookie: damaged(cookie) }];
    const cases = [{ id: 'express-openid-connect', title: this.title, url, headers: { cookie }, refused }];
    return { processes: () => [pid], stop, cases };
  },
};

/** The same with another character in the middle. */
export function damaged(credential) {
  const middle = Math.floor(credential.length / 2);
  const other = credential[middle] === 'A' ? 'B' : 'A';
  return credential.slice(0, middle) + other + credential.slice(middle + 1);
}
