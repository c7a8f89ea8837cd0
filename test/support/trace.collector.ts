import { type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';

const valueSchema = z.record(z.string(), z.unknown());
const attributesSchema = z.array(z.object({ key: z.string(), value: valueSchema })).default([]);
const spanSchema = z.looseObject({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().optional(),
  name: z.string(),
  /** 2 is a server's, 3 a client's. */
  kind: z.number(),
  attributes: attributesSchema,
});
const requestSchema = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes: attributesSchema }),
      scopeSpans: z.array(z.object({ spans: z.array(spanSchema) })),
    }),
  ),
});

/** A span as it was sent. */
export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Of the service that sent it. */
  readonly resource: Readonly<Record<string, unknown>>;
}

/** A collector of OTLP over HTTP (JSON) on loopback: keeps what it's sent, or takes requests and never answers. */
export class TraceCollector {
  /** Everything that was sent, as text. */
  readonly bodies: string[] = [];
  readonly spans: CollectedSpan[] = [];
  /** Headers of the latest request. */
  headers: Readonly<Record<string, unknown>> = {};
  #frozen = false;
  #held: ServerResponse[] = [];
  readonly #server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      this.headers = request.headers;
      if (this.#frozen) {
        this.#held.push(response);
        return;
      }
      if (request.url === '/v1/traces') {
        this.#take(Buffer.concat(chunks).toString());
      }
      response.setHeader('content-type', 'application/json');
      response.end('{}');
    });
  });

  /** How many requests wait for an answer that doesn't come. */
  get held(): number {
    return this.#held.length;
  }

  /** @returns its URL. */
  async start(): Promise<string> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, '127.0.0.1', resolve);
    });
    const address: AddressInfo | string | null = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  }

  /** From now on no request is answered. */
  freeze(): void {
    this.#frozen = true;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  #take(body: string): void {
    this.bodies.push(body);
    for (const { resource, scopeSpans } of requestSchema.parse(JSON.parse(body)).resourceSpans) {
      for (const { traceId, spanId, parentSpanId, name, kind, attributes } of scopeSpans.flatMap(
        ({ spans }) => spans,
      )) {
        this.spans.push({
          traceId,
          spanId,
          parentSpanId,
          name,
          kind,
          attributes: plain(attributes),
          resource: plain(resource.attributes),
        });
      }
    }
  }
}

function plain(attributes: z.output<typeof attributesSchema>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
