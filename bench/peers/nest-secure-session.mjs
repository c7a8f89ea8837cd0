// @fastify/secure-session on Nest with Fastify, as Nest's documentation has it: registered on the application; a guard of one's own
// looks into the session.
import 'reflect-metadata';
import secureSession from '@fastify/secure-session';
import { Controller, Get, Injectable, Module, Req, UnauthorizedException, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';

class SessionGuard {
  canActivate(context) {
    const request = context.switchToHttp().getRequest();
    const user = request.session.get('user');
    if (user === undefined) {
      throw new UnauthorizedException();
    }
    request.user = user;
    return true;
  }
}
Injectable()(SessionGuard);

class AppController {
  login(request) {
    request.session.set('user', {
      sub: '01980000-0000-7000-8000-000000000001',
      email: 'person-000000@example.org',
    });
    return 'welcome';
  }

  me({ user }) {
    return { sub: user.sub, email: user.email };
  }
}
const descriptor = (name) => Object.getOwnPropertyDescriptor(AppController.prototype, name);
Controller()(AppController);
for (const name of ['login', 'me']) {
  Get(name)(AppController.prototype, name, descriptor(name));
  Req()(AppController.prototype, name, 0);
}
UseGuards(SessionGuard)(AppController.prototype, 'me', descriptor('me'));

class AppModule {}
Module({ controllers: [AppController] })(AppModule);

const app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: false });
await app.register(secureSession, {
  key: Buffer.from(process.env.SECRET, 'hex'),
  cookie: { path: '/', httpOnly: true },
});
await app.listen(Number(process.env.PORT), '127.0.0.1');
