import type { Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import type { Logger } from 'pino';
import { AppModule } from './app.module.js';
import { createOpenApiDocument } from './app-openapi.js';
import { closeOnSignals } from './app-shutdown.js';
import { RateLimits } from '../directory/rate-limit/rate-limits.js';
import type { Configuration } from '../platform/config/configuration.js';
import { DrainState } from '../platform/core/drain-state.js';
import { keepTickMap } from '../platform/hot-path/keep-tick-map.js';
import { setUpHttp } from '../platform/http/http-setup.js';
import { setUpTraffic } from '../platform/http/traffic-setup.js';
import { createLogger, flushLogger, PinoLogger } from '../platform/logging/pino-logger.js';
import { ProblemFilter } from '../platform/http/problem.filter.js';
import { requestIds } from '../platform/http/request-ids.js';
import { serverLogger } from '../platform/logging/request-logger.js';
import { secureResponse } from '../platform/hot-path/secure-response.js';
import { defaultHeaders } from '../platform/http/security-headers.js';
import { answerUnreadable } from '../platform/http/unreadable-request.js';
import { OpenApiDocument } from '../pages/openapi-document.js';
import type { ClaimsEnricher } from '../session/tokens/claims-enricher.js';
import { RedirectFollower } from '../providers/ory/redirects/redirect-follower.js';
import { setUpOryProxy } from '../providers/ory/proxy/ory-proxy.js';

/** Largest request body, in bytes. */
const bodyLimit = 65_536;
/** Longest part of a path, in characters: ids of OAuth clients may be URLs. */
const maxParamLength = 1024;
/** Milliseconds within which a whole request must arrive. */
const requestTimeout = 15_000;
/** Milliseconds within which a request's headers must arrive, its first byte included. */
const headersTimeout = 10_000;
/** Milliseconds between two checks for requests that take longer than that. */
const connectionsCheckingInterval = 2000;

/** What an adopter or a test can add to the application. */
export interface AppOptions {
  readonly logger?: Logger;
  /** Adds the application's own claims to every token. */
  readonly claimsEnricher?: Type<ClaimsEnricher>;
  /** Modules of the application itself. The same guards protect their controllers. */
  readonly modules?: readonly Type[];
  /** Whether to run the cheap checks of `vestibule doctor` once ready, and to log their findings. Default false. */
  readonly selfCheck?: boolean;
}

/** Creates the whole application for one configuration, ready to listen. */
export async function createApp(
  configuration: Configuration,
  options: AppOptions = {},
): Promise<NestFastifyApplication> {
  keepTickMap();
  const logger = options.logger ?? createLogger(configuration.LOG_LEVEL);
  const Response = secureResponse(defaultHeaders(configuration.PUBLIC_URL));
  const adapter = new FastifyAdapter({
    loggerInstance: serverLogger(logger),
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestIds(),
    bodyLimit,
    routerOptions: { maxParamLength },
    requestTimeout,
    http: {
      ServerResponse: Response,
      connectionsCheckingInterval,
      headersTimeout,
      // A second Host or Authorization header must not be ignored: joined, the two values match nothing.
      joinDuplicateHeaders: true,
    },
    trustProxy: configuration.TRUST_PROXY.length === 0 ? false : configuration.TRUST_PROXY,
    forceCloseConnections: 'idle',
    clientErrorHandler: (error, socket) => answerUnreadable(error, socket, logger),
    // A URL that the router can't parse is answered before any hook. Without this, the response would be in Fastify's format.
    frameworkErrors: (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
      app.get(ProblemFilter).answer(error, request, reply.headers(Response.fields));
    },
  });
  const app: NestFastifyApplication = await NestFactory.create<NestFastifyApplication>(
    AppModule.register(
      configuration,
      options.claimsEnricher,
      [...(await modulesOf(configuration)), ...(options.modules ?? [])],
      options.selfCheck,
    ),
    adapter,
    {
      abortOnError: false,
      bufferLogs: false,
      logger: new PinoLogger(logger),
    },
  );
  setUpHttp(app, configuration, logger, Response);
  setUpTraffic(app, configuration);
  setUpAnswers(app);
  if (configuration.AUTH_PROVIDER === 'ory') {
    new RedirectFollower(adapter.getInstance(), configuration.PUBLIC_URL).setUp();
    await setUpOryProxy(app, configuration);
  }
  app.get(OpenApiDocument, { strict: false }).set(() => createOpenApiDocument(app, configuration));
  adapter.getInstance().addHook('onClose', () => flushLogger(logger));
  closeOnSignals(app, configuration.SHUTDOWN_DELAY ?? 0);
  return app;
}

async function modulesOf({ features }: Configuration): Promise<Type[]> {
  const modules = await Promise.all(
    features.map(async ({ feature, settings }) =>
      settings?.isUsed() === false ? undefined : feature.module?.(),
    ),
  );
  return modules.filter((module) => module !== undefined);
}

/** Adds headers to every response before it is sent. One hook does it all, because each hook costs time on every request. */
function setUpAnswers(app: NestFastifyApplication): void {
  const drain = app.get(DrainState, { strict: false });
  const limits = app.get(RateLimits, { strict: false });
  const fastify: FastifyInstance = app.getHttpAdapter().getInstance();
  fastify.addHook('onSend', (request, reply, _payload, proceed) => {
    // A shared cache must never store a response that sets a cookie (RFC 9111 section 7.3).
    if (reply.hasHeader('set-cookie')) {
      void reply.header('cache-control', 'no-store');
    }
    // While draining, the client must not reuse the connection for another request. Checked when the response is sent, so that
    // it also applies to requests that began before.
    if (drain.isDraining) {
      void reply.header('connection', 'close');
    }
    const settling = limits.settle(request, reply);
    if (settling === undefined) {
      proceed();
    } else {
      void settling.then(() => proceed());
    }
  });
}
