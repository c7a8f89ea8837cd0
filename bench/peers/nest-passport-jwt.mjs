// passport-jwt on Nest as Nest's documentation has it: JwtModule with a secret, a strategy, AuthGuard('jwt'). PLATFORM: express, which
// is Nest's own choice, or fastify.
import 'reflect-metadata';
import { Controller, Get, Injectable, Module, Req, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { JwtModule, JwtService } from '@nestjs/jwt';
import { AuthGuard, PassportModule, PassportStrategy } from '@nestjs/passport';
import { ExtractJwt, Strategy } from 'passport-jwt';

const { PORT, SECRET, PLATFORM } = process.env;

class JwtStrategy extends PassportStrategy(Strategy) {
  constructor() {
    super({
      jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
      ignoreExpiration: false,
      secretOrKey: SECRET,
    });
  }

  async validate({ sub, email }) {
    return { sub, email };
  }
}
Injectable()(JwtStrategy);

class AppController {
  constructor(tokens) {
    this.tokens = tokens;
  }

  login() {
    return this.tokens.signAsync({
      sub: '01980000-0000-7000-8000-000000000001',
      email: 'person-000000@example.org',
    });
  }

  me(request) {
    return request.user;
  }
}
const descriptor = (name) => Object.getOwnPropertyDescriptor(AppController.prototype, name);
Controller()(AppController);
Reflect.defineMetadata('design:paramtypes', [JwtService], AppController);
Get('login')(AppController.prototype, 'login', descriptor('login'));
Get('me')(AppController.prototype, 'me', descriptor('me'));
UseGuards(AuthGuard('jwt'))(AppController.prototype, 'me', descriptor('me'));
Req()(AppController.prototype, 'me', 0);

class AppModule {}
Module({
  imports: [PassportModule, JwtModule.register({ secret: SECRET, signOptions: { expiresIn: '1h' } })],
  controllers: [AppController],
  providers: [JwtStrategy],
})(AppModule);

async function create() {
  if (PLATFORM === 'fastify') {
    const { FastifyAdapter } = await import('@nestjs/platform-fastify');
    return NestFactory.create(AppModule, new FastifyAdapter(), { logger: false });
  }
  return NestFactory.create(AppModule, { logger: false });
}

const app = await create();
await app.listen(Number(PORT), '127.0.0.1');
