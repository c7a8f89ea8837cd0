// Vestibule as an adopter runs it (docs/adopting.md), with two routes of the adopter's: one that needs a session and one that doesn't.
// It starts as dist/main.js does. With BENCH_COUNT=true a third route tells how often requests have asked the database or anything else.
import 'reflect-metadata';
import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import { Controller, Get, Module } from '@nestjs/common';
import Sqlite from 'libsql';
import pg from 'pg';
import { createApp } from '../../dist/app/app-setup.js';
import { ownFeatures } from '../../dist/app/features.js';
import { loadConfiguration } from '../../dist/platform/config/configuration.js';
import { createLogger } from '../../dist/platform/logging/pino-logger.js';
import { CurrentUser, Public } from '../../dist/session/guards/access.decorators.js';

const counts = { statements: 0, calls: 0, connections: 0 };
const inRequest = new AsyncLocalStorage();

/** Counts what is asked while a request is answered; polls aren't within any. */
function countQuestions(fastify) {
  for (const [prototype, name] of [
    [Sqlite.prototype, 'prepare'],
    [pg.Client.prototype, 'query'],
  ]) {
    const ask = prototype[name];
    prototype[name] = function counted(...args) {
      counts.statements += inRequest.getStore() === undefined ? 0 : 1;
      return ask.apply(this, args);
    };
  }
  for (const [channel, name] of [
    ['undici:request:create', 'calls'],
    ['http.client.request.start', 'calls'],
    ['net.client.socket', 'connections'],
  ]) {
    subscribe(channel, () => {
      counts[name] += inRequest.getStore() === undefined ? 0 : 1;
    });
  }
  fastify.addHook('onRequest', (request, _reply, done) => inRequest.run(request, done));
}

/** The names are as long as each other, and as `/auth/verify`: requests to them differ in nothing else. */
class BenchController {
  owner({ claims }) {
    return { sub: claims.sub, email: claims.email };
  }

  guest() {
    return { sub: '01980000-0000-7000-8000-000000000000', email: 'person-000000@example.org' };
  }

  counts() {
    return counts;
  }
}
class BenchModule {}

/** What TypeScript makes of decorators. */
function decorate(type, name, decorators, parameters = []) {
  const descriptor = Object.getOwnPropertyDescriptor(type.prototype, name);
  for (const decorator of decorators.toReversed()) {
    decorator(type.prototype, name, descriptor);
  }
  for (const [index, decorator] of parameters.entries()) {
    decorator(type.prototype, name, index);
  }
  Reflect.defineMetadata(
    'design:paramtypes',
    parameters.map(() => Object),
    type.prototype,
    name,
  );
}
decorate(BenchController, 'owner', [Get('owner')], [CurrentUser()]);
decorate(BenchController, 'guest', [Get('guest'), Public()]);
decorate(BenchController, 'counts', [Get('counts'), Public()]);
Controller('bench')(BenchController);
Module({ controllers: [BenchController] })(BenchModule);

const configuration = loadConfiguration(process.env, ownFeatures);
const logger = createLogger(configuration.LOG_LEVEL);
const app = await createApp(configuration, { logger, selfCheck: true, modules: [BenchModule] });
if (process.env.BENCH_COUNT === 'true') {
  countQuestions(app.getHttpAdapter().getInstance());
}
await app.listen(configuration.PORT, configuration.HOST);
