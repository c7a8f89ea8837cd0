import type { Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import type { Logger } from 'pino';
import { setUpAnswers } from './app.answers.js';
import { AppModule } from './app.module.js';
import { createOpenApiDocument } from './app.openapi.js';
import { closeOnSignals } from './app.shutdown.js';
import type { Configuration } from './config/configuration.js';
import { keepTickShape } from './core/tick.shape.js';
import { setUpHttp } from './http/http.setup.js';
import { setUpTraffic } from './http/traffic.setup.js';
import { createLogger, flushLogger, PinoLogger } from './http/pino.logger.js';
import { observeRequests } from './observability/request.observer.js';
import { ProblemFilter } from './http/problem.filter.js';
import { requestIds } from './http/request.ids.js';
import { serverLogger } from './http/request.logger.js';
import { secureResponse } from './http/secure.response.js';
import { defaultHeaders } from './http/security.headers.js';
import { answerUnreadable } from './http/unreadable.request.js';
import { OpenApiDocument } from './pages/openapi.document.js';
import type { ClaimsEnricher } from './session/claims.enricher.js';
import { setUpOryProxy } from './proxy/ory.proxy.js';

/** Largest request body, in bytes. */
const bodyLimit = 65_536;
/** Milliseconds for a whole request to arrive. */
const requestTimeout = 15_000;
/** Milliseconds between two looks for requests that take longer than that. */
const connectionsCheckingInterval = 5000;

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
  keepTickShape();
  const logger = options.logger ?? createLogger(configuration.LOG_LEVEL);
  const Response = secureResponse(defaultHeaders(configuration.PUBLIC_URL));
  const adapter = new FastifyAdapter({
    loggerInstance: serverLogger(logger),
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestIds(),
    bodyLimit,
    requestTimeout,
    http: {
      ServerResponse: Response,
      connectionsCheckingInterval,
      // Not more than `requestTimeout`: Node would take each for the other, and give bodies a minute.
      headersTimeout: requestTimeout,
      // A second Host or Authorization is no way to say two things: joined with the first, it is neither.
      joinDuplicateHeaders: true,
    },
    trustProxy: configuration.TRUST_PROXY.length === 0 ? false : configuration.TRUST_PROXY,
    forceCloseConnections: 'idle',
    clientErrorHandler: (error, socket) => answerUnreadable(error, socket, logger),
    // A URL that the router can't read is answered before any hook: without this, in Fastify's own words.
    frameworkErrors: (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
      app.get(ProblemFilter).answer(error, request, reply.headers(Response.fields));
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
  observeRequests(app, configuration);
  setUpHttp(app, configuration, logger, Response);
  setUpTraffic(app, configuration);
  setUpAnswers(app);
  if (configuration.AUTH_PROVIDER === 'ory') {
    await setUpOryProxy(app, configuration);
  }
  app.get(OpenApiDocument, { strict: false }).set(createOpenApiDocument(app, configuration));
  adapter.getInstance().addHook('onClose', () => flushLogger(logger));
  closeOnSignals(app, configuration.SHUTDOWN_DELAY ?? 0);
  return app;
}
