// `node bench/own/service.mjs express | fastify | nest | jose | hook`: a service with the same handler at /open and, behind a guard, at /guarded.
import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import * as onExpress from '@vestibule-auth/express';
import * as onFastify from '@vestibule-auth/fastify';
import { Public, VestibuleModule } from '@vestibule-auth/nest';
import express from 'express';
import Fastify from 'fastify';
import { createRemoteJWKSet, jwtVerify } from 'jose';

const { ISSUER: issuer, PORT } = process.env;
const port = Number(PORT);
const options = { issuer, audience: issuer };
const hello = { hello: 'world' };

const starts = {
  express: () => {
    const guard = onExpress.vestibule(options);
    const app = express();
    app.get('/open', (_request, response) => response.json(hello));
    app.get('/guarded', guard(), (_request, response) => response.json(hello));
    app.listen(port, '127.0.0.1');
  },
  fastify: () => onFastifyWith(onFastify.vestibule(options)()),
  // What Fastify itself takes for a hook.
  hook: () => onFastifyWith((_request, _reply, done) => done()),
  nest: async () => {
    const app = await NestFactory.create(nestModule(), new FastifyAdapter(), { logger: false });
    await app.listen(port, '127.0.0.1');
  },
  jose: () => {
    const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));
    return onFastifyWith(async (request, reply) => {
      const [, token = ''] = (request.headers.authorization ?? '').split(' ');
      try {
        const { payload } = await jwtVerify(token, keys, {
          ...options,
          typ: 'at+jwt',
          algorithms: ['ES256', 'EdDSA'],
          requiredClaims: ['exp', 'sub'],
        });
        request.auth = payload;
        return undefined;
      } catch {
        return reply.code(401).header('www-authenticate', 'Bearer').send();
      }
    });
  },
};

function onFastifyWith(guard) {
  const app = Fastify();
  app.get('/open', () => hello);
  app.get('/guarded', { onRequest: guard }, () => hello);
  return app.listen({ port, host: '127.0.0.1' });
}

/** As decorators would make it, which Node doesn't know. */
function nestModule() {
  class HelloController {
    open() {
      return hello;
    }
    guarded() {
      return hello;
    }
  }
  const of = (name) => Object.getOwnPropertyDescriptor(HelloController.prototype, name);
  for (const name of ['open', 'guarded']) {
    Get(name)(HelloController.prototype, name, of(name));
  }
  Public()(HelloController.prototype, 'open', of('open'));
  Controller()(HelloController);
  class AppModule {}
  Module({ imports: [VestibuleModule.forRoot(options)], controllers: [HelloController] })(AppModule);
  return AppModule;
}

await starts[process.argv[2]]();
