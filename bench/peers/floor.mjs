// The least that a guard in Nest can do with an encrypted cookie: open it as Vestibule does, and believe it until it is over. Nothing can be
// revoked, no key can be changed, nothing is logged. `/hot` remembers the cookies that it opened, `/cold` opens each.
import 'reflect-metadata';
import { Controller, Get, Module, Req, UnauthorizedException, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import sodium from 'libsodium-wrappers';

await sodium.ready;
const key = Buffer.from(process.env.SECRET, 'hex');
const opened = new Map();

function open(cookie) {
  const bytes = Buffer.from(cookie, 'base64url');
  try {
    const text = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
      null,
      bytes.subarray(24),
      null,
      bytes.subarray(0, 24),
      key,
    );
    return JSON.parse(Buffer.from(text.buffer, text.byteOffset, text.length).toString());
  } catch {
    return undefined;
  }
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
