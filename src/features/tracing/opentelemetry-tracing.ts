import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import {
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  context,
  defaultTextMapGetter,
  defaultTextMapSetter,
  propagation,
  trace,
} from '@opentelemetry/api';
import { W3CTraceContextPropagator, setGlobalErrorHandler } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  NodeTracerProvider,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-node';
import {
  ATTR_DB_QUERY_TEXT,
  ATTR_DB_SYSTEM_NAME,
  ATTR_ERROR_TYPE,
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_HTTP_ROUTE,
  ATTR_SERVICE_NAME,
  ATTR_SERVICE_VERSION,
} from '@opentelemetry/semantic-conventions';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { addressRanges } from '../../platform/config/address-ranges.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { version } from '../../platform/core/version.js';
import { type CallDescription, type CallSpan, Tracing } from '../../platform/telemetry/telemetry.js';
import { type TracingSettings, tracingSettings } from './tracing.settings.js';

/** Milliseconds that a collector may take for a batch. */
const exportTimeout = 3000;
/** Milliseconds that shutdown waits for the last batch. */
const shutdownTimeout = 2000;
/** Maximum spans that wait for the collector; more are dropped. */
const queueSize = 4096;
/** Milliseconds between two warnings about a collector that accepts no spans. */
const warnEvery = 60_000;
/** Characters of a statement; more are cut off. */
const longestStatement = 2000;
const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/**
 * Traces with OpenTelemetry: a span for each request, each call to an upstream and each SQL statement. Spans wait in a bounded
 * queue and are sent to the collector in batches, in the background. Spans that can't be sent are dropped.
 */
@Injectable()
export class OpenTelemetryTracing extends Tracing implements OnApplicationShutdown {
  readonly #logger = new Logger('tracing');
  readonly #provider: NodeTracerProvider;
  readonly #tracer: Tracer;
  readonly #isTrusted: (address: string | undefined) => boolean;
  readonly #database: string;
  readonly #contexts = new WeakMap<FastifyRequest, Context>();
  #warnedAt = Number.NEGATIVE_INFINITY;

  constructor(
    @Inject(CONFIGURATION) { DATABASE_URL, TRUST_PROXY }: Configuration,
    @Inject(tracingSettings.token) settings: TracingSettings,
  ) {
    super();
    const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint = '' } = settings;
    const exporter = new OTLPTraceExporter({
      url: `${endpoint}/v1/traces`,
      headers: Object.fromEntries(settings.OTEL_EXPORTER_OTLP_HEADERS),
      timeoutMillis: exportTimeout,
    });
    this.#provider = new NodeTracerProvider({
      resource: resourceFromAttributes({
        [ATTR_SERVICE_NAME]: settings.OTEL_SERVICE_NAME,
        [ATTR_SERVICE_VERSION]: version,
      }),
      sampler: createSampler(settings),
      spanProcessors: [
        new BatchSpanProcessor(exporter, {
          maxQueueSize: queueSize,
          scheduledDelayMillis: 1000,
          exportTimeoutMillis: exportTimeout,
        }),
      ],
    });
    // Registered globally, so that spans that an adopter's application creates with OpenTelemetry's API are sent too.
    this.#provider.register({ propagator: new W3CTraceContextPropagator() });
    setGlobalErrorHandler(() => this.#warn());
    this.#tracer = this.#provider.getTracer('vestibule', version);
    this.#isTrusted = addressRanges(TRUST_PROXY);
    this.#database = DATABASE_URL.startsWith('file:') ? 'sqlite' : 'postgresql';
  }

  override begin({ upstream, operation, method }: CallDescription): CallSpan {
    const parent = context.active();
    const span = this.#tracer.startSpan(
      `${upstream} ${operation}`,
      {
        kind: SpanKind.CLIENT,
        attributes: {
          'peer.service': upstream,
          ...(method === undefined ? {} : { [ATTR_HTTP_REQUEST_METHOD]: method }),
        },
      },
      parent,
    );
    const headers: Record<string, string> = {};
    propagation.inject(trace.setSpan(parent, span), headers, defaultTextMapSetter);
    return { headers, end: (status) => finish(span, status, status === undefined || status >= 400) };
  }

  override noteStatement(text: string, duration: number, isFailed: boolean): void {
    const parent = context.active();
    // A statement outside of a request, such as a periodic poll, belongs to no trace.
    if (trace.getSpan(parent) === undefined) {
      return;
    }
    const endedAt = Date.now();
    const [verb = ''] = /^\w+/.exec(text) ?? [];
    const span = this.#tracer.startSpan(
      `sql ${verb.toLowerCase()}`,
      {
        kind: SpanKind.CLIENT,
        startTime: endedAt - duration,
        attributes: {
          [ATTR_DB_SYSTEM_NAME]: this.#database,
          [ATTR_DB_QUERY_TEXT]: text.slice(0, longestStatement),
        },
      },
      parent,
    );
    if (isFailed) {
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    span.end(endedAt);
  }

  /** Creates a span for each request of this server. Must be called before any other hook is added, so that all run in the span. */
  setUp(fastify: FastifyInstance): void {
    // The hook calls `done` instead of returning a promise, so that everything after it runs within the span's context.
    fastify.addHook('onRequest', (request, _reply, done) => {
      const parent = this.#isTrusted(request.raw.socket.remoteAddress)
        ? propagation.extract(ROOT_CONTEXT, request.headers, defaultTextMapGetter)
        : ROOT_CONTEXT;
      const method = methods.has(request.method) ? request.method : '_OTHER';
      const route = request.routeOptions.url;
      const span = this.#tracer.startSpan(
        route === undefined ? method : `${method} ${route}`,
        {
          kind: SpanKind.SERVER,
          attributes: {
            [ATTR_HTTP_REQUEST_METHOD]: method,
            ...(route === undefined ? {} : { [ATTR_HTTP_ROUTE]: route }),
            'vestibule.request_id': request.id,
          },
        },
        parent,
      );
      const own = trace.setSpan(parent, span);
      this.#contexts.set(request, own);
      context.with(own, done);
    });
    // The body's events are emitted by the connection, which has no context, so it's restored here.
    fastify.addHook('preValidation', (request, _reply, done) => {
      context.with(this.#contexts.get(request) ?? ROOT_CONTEXT, done);
    });
    fastify.addHook('onResponse', (request, reply, done) => {
      this.#end(request, reply);
      done();
    });
  }

  async onApplicationShutdown(): Promise<void> {
    const deadline = delay(shutdownTimeout, undefined, { ref: false });
    await Promise.race([this.#provider.shutdown().catch(() => undefined), deadline]);
    trace.disable();
    context.disable();
    propagation.disable();
  }

  #end(request: FastifyRequest, { statusCode }: FastifyReply): void {
    const span = trace.getSpan(this.#contexts.get(request) ?? ROOT_CONTEXT);
    if (span !== undefined) {
      finish(span, statusCode, statusCode >= 500);
    }
  }

  /** Warns that spans can't be sent. The collector's answer isn't logged, because it may repeat what it was sent. */
  #warn(): void {
    if (performance.now() - this.#warnedAt > warnEvery) {
      this.#warnedAt = performance.now();
      this.#logger.warn('traces cannot be sent to the collector', { reason: 'trace_export_failed' });
    }
  }
}

function finish(span: Span, status: number | undefined, isError: boolean): void {
  if (status !== undefined) {
    span.setAttribute(ATTR_HTTP_RESPONSE_STATUS_CODE, status);
  }
  if (isError) {
    span.setAttribute(ATTR_ERROR_TYPE, status === undefined ? 'no_answer' : String(status));
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end();
}

/** `OTEL_TRACES_SAMPLER` and its argument → which requests are traced. */
function createSampler({
  OTEL_TRACES_SAMPLER: name,
  OTEL_TRACES_SAMPLER_ARG: ratio,
}: TracingSettings): Sampler {
  const root = name.endsWith('always_on')
    ? new AlwaysOnSampler()
    : name.endsWith('always_off')
      ? new AlwaysOffSampler()
      : new TraceIdRatioBasedSampler(ratio);
  return name.startsWith('parentbased_') ? new ParentBasedSampler({ root }) : root;
}
