// The limit of what stands on Nest: a route of Nest on Fastify without a guard, a log or a header of its own.
import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';

class AppController {
  guest() {
    return { sub: '01980000-0000-7000-8000-000000000001', email: 'person-000000@example.org' };
  }
}
Controller('bench')(AppController);
Get('guest')(
  AppController.prototype,
  'guest',
  Object.getOwnPropertyDescriptor(AppController.prototype, 'guest'),
);

class AppModule {}
Module({ controllers: [AppController] })(AppModule);

const app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: false });
await app.listen(Number(process.env.PORT), '127.0.0.1');
