import type { Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import type { Logger } from 'pino';
import { AppModule } from './app.module.js';
import { createOpenApiDocument } from './app.openapi.js';
import type { Configuration } from './config/configuration.js';
import { newId } from './core/identifier.js';
import { setUpHttp } from './http/http.setup.js';
import { setUpLimits } from './limits/limits.setup.js';
import { createLogger, PinoLogger } from './http/pino.logger.js';
import { ProblemFilter } from './http/problem.filter.js';
import { bareSecurityHeaders } from './http/security.headers.js';
import { OpenApiDocument } from './pages/openapi.document.js';
import type { ClaimsEnricher } from './session/claims.enricher.js';
import { setUpOryProxy } from './proxy/ory.proxy.js';

/** Largest request body, in bytes. */
const bodyLimit = 65_536;
/** Milliseconds for a whole request to arrive. */
const requestTimeout = 20_000;

/** What an adopter, or a test, may bring along. */
export interface AppOptions {
  readonly logger?: Logger;
  /** Adds the application's own claims to every token. */
  readonly claimsEnricher?: Type<ClaimsEnricher>;
  /** Modules of the application itself: their controllers stand behind the same guards. */
  readonly modules?: readonly Type[];
  /** Whether it does the cheap checks of `vestibule doctor` once it is ready, and logs what they find. Default false. */
  readonly selfCheck?: boolean;
}

/** The whole application for one configuration, ready to listen. */
export async function createApp(
  configuration: Configuration,
  options: AppOptions = {},
): Promise<NestFastifyApplication> {
  const logger = options.logger ?? createLogger(configuration.LOG_LEVEL);
  const adapter = new FastifyAdapter({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => newId(),
    bodyLimit,
    requestTimeout,
    trustProxy: configuration.TRUST_PROXY.length === 0 ? false : configuration.TRUST_PROXY,
    forceCloseConnections: 'idle',
    // A URL that the router can't read is answered before any hook: without this, in Fastify's own words.
    frameworkErrors: (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
      app.get(ProblemFilter).answer(error, request, reply.headers(bareSecurityHeaders));
    },
  });
  const app: NestFastifyApplication = await NestFactory.create<NestFastifyApplication>(
    AppModule.register(configuration, options.claimsEnricher, options.modules, options.selfCheck),
    adapter,
    {
      abortOnError: false,
      bufferLogs: false,
      logger: new PinoLogger(logger),
    },
  );
  await setUpHttp(app, configuration);
  setUpLimits(app);
  if (configuration.AUTH_PROVIDER === 'ory') {
    await setUpOryProxy(app, configuration);
  }
  app.get(OpenApiDocument, { strict: false }).set(createOpenApiDocument(app, configuration));
  app.enableShutdownHooks();
  return app;
}
