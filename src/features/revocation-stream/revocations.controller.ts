import { Readable } from 'node:stream';
import { Headers, Req, Res } from '@nestjs/common';
import { ApiProduces } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CurrentUser } from '../../session/guards/access.decorators.js';
import { ApiController, ApiRoute } from '../../session/guards/api-route.js';
import type { Principal } from '../../session/principal.js';
import { type RevocationMessage, RevocationStream } from './revocation-stream.js';
import { revocationsScope as scope } from '../../session/guards/scopes.js';
import { RevocationSubscribers } from './revocation-subscribers.js';

const snapshotSchema = z.object({
  tokens: z.array(z.string()).meta({
    description:
      'Signed messages (JWS) of the type `revocations+jwt`, which together form one snapshot. The keys are at `/.well-known/jwks.json`.',
    example: ['eyJhbGciOiJFUzI1NiIs…'],
  }),
  id: z.string().meta({
    description:
      'Number of the last message in the snapshot. Send it as `Last-Event-ID` to continue with the stream.',
    example: '01a2244d-573d-7369-a07e-c1e6e43aa0a8.7',
  }),
});

/** Milliseconds for which a snapshot may be read. */
const longestAnswer = 60_000;

/** The routes by which services that verify tokens by themselves learn which of them have ended. */
@ApiController('auth/revocations', { tag: 'discovery', role: 'admin' })
export class RevocationsController {
  constructor(
    private readonly revocations: RevocationStream,
    private readonly subscribers: RevocationSubscribers,
  ) {}

  @ApiRoute('GET', '', {
    scope,
    summary: 'Get all current revocations',
    description:
      'For services that verify tokens themselves. Signed messages list ended sessions and API keys, and users and organisations whose earlier tokens are no longer valid. The client packages read the stream instead, which begins with the same messages.',
    answer: { status: 200, description: 'The signed messages.', schema: snapshotSchema },
    problems: ['overloaded', 'revocations_unknown'],
  })
  snapshot(@Res() reply: FastifyReply): void {
    this.subscribers.requireRoom();
    this.subscribers.requireKnown();
    const body = Readable.from(jsonOf(this.revocations.snapshot()));
    // It holds what may be tens of megabytes.
    const timer = setTimeout(() => body.destroy(), longestAnswer).unref();
    body.once('close', () => clearTimeout(timer));
    void reply.type('application/json; charset=utf-8').send(body);
  }

  @ApiRoute('GET', 'stream', {
    scope,
    summary: 'Stream revocations as they happen',
    description:
      'Server-sent events of the type `revocations`, each with a signed message. The stream starts with everything that is currently revoked or, with `Last-Event-ID`, with what followed that message. Every five seconds an event without news shows that the stream is alive. The stream ends when the credential expires or is revoked.',
    answer: { status: 200, description: 'The stream of events.', schema: z.string() },
    problems: ['overloaded', 'revocations_unknown'],
  })
  @ApiProduces('text/event-stream')
  stream(
    @CurrentUser() principal: Principal,
    @Headers('last-event-id') lastId: string | undefined,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): void {
    this.subscribers.requireRoom();
    this.subscribers.requireKnown();
    if (request.method === 'HEAD') {
      void reply.type('text/event-stream').send();
      return;
    }
    reply.hijack();
    const { raw } = reply;
    raw.writeHead(200, {
      ...Object.fromEntries(Object.entries(reply.getHeaders()).filter(([, value]) => value !== undefined)),
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      // nginx would keep the events until its buffer is full.
      'x-accel-buffering': 'no',
    });
    raw.flushHeaders();
    request.raw.socket.setNoDelay(true);
    this.subscribers.add(principal, raw, lastId);
  }
}

/** A snapshot as JSON, message by message: it may have tens of megabytes. */
async function* jsonOf(messages: AsyncIterable<RevocationMessage>): AsyncGenerator<string> {
  let before = '{"tokens":[';
  let last: string | undefined;
  for await (const { id, token } of messages) {
    yield `${before}"${token}"`;
    before = ',';
    last = id;
  }
  yield `],"id":${JSON.stringify(last)}}`;
}
