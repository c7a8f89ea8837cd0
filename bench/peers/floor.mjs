// The least that a guard in Nest can do with an encrypted cookie: open it as Vestibule does, and believe it until it is over. Nothing can be
// revoked, no key can be changed, nothing is logged. `/hot` remembers the cookies that it opened, `/cold` opens each.
import 'reflect-metadata';
import { Controller, Get, Module, Req, UnauthorizedException, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import createSodium from 'libsodium';

const sodium = await createSodium();
const keyAt = sodium._malloc(8192);
const nonceAt = keyAt + 32;
const textAt = nonceAt + 24;
const memory = Buffer.from(sodium.HEAPU8.buffer);
memory.write(process.env.SECRET, keyAt, 'hex');
const opened = new Map();

function open(cookie) {
  const length = memory.write(cookie, nonceAt, 4096, 'base64url') - 24;
  const decrypt = sodium._crypto_aead_xchacha20poly1305_ietf_decrypt;
  return length >= 16 && decrypt(textAt, 0, 0, textAt, length, 0, 0, 0, 0, nonceAt, keyAt) === 0
    ? JSON.parse(memory.toString('latin1', textAt, textAt + length - 16))
    : undefined;
}

function guardBy(find) {
  return class {
    canActivate(context) {
      const request = context.getArgByIndex(0);
      const cookie = request.headers.cookie;
      const claims = cookie?.startsWith('floor=') === true ? find(cookie.slice(6)) : undefined;
      if (claims === undefined || claims.exp * 1000 < Date.now()) {
        throw new UnauthorizedException();
      }
      request.user = claims;
      return true;
    }
  };
}

function remembered(cookie) {
  const known = opened.get(cookie);
  if (known !== undefined) {
    return known;
  }
  const claims = open(cookie);
  if (claims !== undefined) {
    opened.set(cookie, claims);
  }
  return claims;
}

class AppController {
  hot({ user }) {
    return { sub: user.sub, email: user.email };
  }

  cold({ user }) {
    return { sub: user.sub, email: user.email };
  }
}
Controller()(AppController);
for (const [name, find] of Object.entries({ hot: remembered, cold: open })) {
  const descriptor = Object.getOwnPropertyDescriptor(AppController.prototype, name);
  Get(name)(AppController.prototype, name, descriptor);
  UseGuards(guardBy(find))(AppController.prototype, name, descriptor);
  Req()(AppController.prototype, name, 0);
}

class AppModule {}
Module({ controllers: [AppController] })(AppModule);

const app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: false });
await app.listen(Number(process.env.PORT), '127.0.0.1');
