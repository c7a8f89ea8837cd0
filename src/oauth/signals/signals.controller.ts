import { Body, Param, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { Problem } from '../../platform/errors/problem.error.js';
import { isId } from '../../platform/core/id.schema.js';
import { CurrentUser } from '../../session/guards/access.decorators.js';
import { ApiController, ApiRoute } from '../../session/guards/api.route.js';
import type { Principal } from '../../session/principal.js';
import { SignalDelivery } from './signal.delivery.js';
import { SignalPusher } from './signal.pusher.js';
import {
  newStreamSchema,
  optionalStreamQuerySchema,
  pollAnswerSchema,
  pollSchema,
  statusChangeSchema,
  statusSchema,
  streamChangeSchema,
  streamQuerySchema,
  streamReplacementSchema,
  streamSchema,
  streamsSchema,
  verificationSchema,
} from './signal.schemas.js';
import { SignalStreams, readingScope as scope } from './signal.streams.js';

type Stream = z.output<typeof streamSchema>;
type Status = z.output<typeof statusSchema>;

const problems = ['forbidden', 'not_found'] as const;

/** The routes by which other systems are told of ended sessions (OpenID Shared Signals Framework 1.0). */
@ApiController('ssf', { tag: 'signals', credentials: ['apiKey', 'bearer'] })
export class SignalsController {
  readonly #streams: SignalStreams;
  readonly #delivery: SignalDelivery;
  readonly #pusher: SignalPusher;

  constructor(streams: SignalStreams, delivery: SignalDelivery, pusher: SignalPusher) {
    this.#streams = streams;
    this.#delivery = delivery;
    this.#pusher = pusher;
  }

  @ApiRoute('POST', 'streams', {
    scope,
    summary: 'Create a stream of security events',
    description:
      'For service clients and administrators’ API keys. The receiver polls for events, or has them pushed to an address over TLS.',
    answer: { status: 201, description: 'Created.', schema: streamSchema },
    problems: ['forbidden', 'conflict'],
  })
  async create(
    @Body({ schema: newStreamSchema }) body: z.output<typeof newStreamSchema>,
    @CurrentUser() principal: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Stream> {
    void reply.header('cache-control', 'no-store');
    return this.#streams.create(principal, body);
  }

  @ApiRoute('GET', 'streams', {
    scope,
    summary: 'Read a stream, or all',
    description: 'With `stream_id` one stream of the caller’s, without it all of them.',
    answer: { description: 'One stream, or a list.', schema: streamsSchema },
    problems,
  })
  async read(
    @Query({ schema: optionalStreamQuerySchema })
    { stream_id: id }: z.output<typeof optionalStreamQuerySchema>,
    @CurrentUser() principal: Principal,
  ): Promise<Stream | readonly Stream[]> {
    return id === undefined ? this.#streams.list(principal) : this.#streams.get(principal, id);
  }

  @ApiRoute('PATCH', 'streams', {
    scope,
    summary: 'Change a stream',
    description: 'Members that are left out stay as they are.',
    answer: { description: 'Changed.', schema: streamSchema },
    problems,
  })
  async change(
    @Body({ schema: streamChangeSchema }) body: z.output<typeof streamChangeSchema>,
    @CurrentUser() principal: Principal,
  ): Promise<Stream> {
    return this.#streams.change(principal, body);
  }

  @ApiRoute('PUT', 'streams', {
    scope,
    summary: 'Replace a stream’s configuration',
    description: 'Members that are left out get their defaults.',
    answer: { description: 'Replaced.', schema: streamSchema },
    problems,
  })
  async replace(
    @Body({ schema: streamReplacementSchema }) body: z.output<typeof streamReplacementSchema>,
    @CurrentUser() principal: Principal,
  ): Promise<Stream> {
    return this.#streams.replace(principal, body.stream_id, body);
  }

  @ApiRoute('DELETE', 'streams', {
    scope,
    summary: 'Delete a stream',
    description: 'Events that were not received are dropped.',
    answer: { description: 'Deleted.' },
    problems,
  })
  async delete(
    @Query({ schema: streamQuerySchema }) { stream_id: id }: z.output<typeof streamQuerySchema>,
    @CurrentUser() principal: Principal,
  ): Promise<void> {
    await this.#streams.delete(principal, id);
    await this.#pusher.settled(id);
  }

  @ApiRoute('GET', 'status', {
    scope,
    summary: 'Read a stream’s status',
    description: 'A paused stream keeps its events; a disabled one doesn’t.',
    answer: { description: 'The status.', schema: statusSchema },
    problems,
  })
  async status(
    @Query({ schema: streamQuerySchema }) { stream_id: id }: z.output<typeof streamQuerySchema>,
    @CurrentUser() principal: Principal,
  ): Promise<Status> {
    return this.#streams.status(principal, id);
  }

  @ApiRoute('POST', 'status', {
    scope,
    summary: 'Set a stream’s status',
    description: 'Enables, pauses or disables it.',
    answer: { status: 200, description: 'Set.', schema: statusSchema },
    problems,
  })
  async setStatus(
    @Body({ schema: statusChangeSchema }) body: z.output<typeof statusChangeSchema>,
    @CurrentUser() principal: Principal,
  ): Promise<Status> {
    const status = await this.#streams.setStatus(principal, body);
    await this.#pusher.settled(status.stream_id);
    return status;
  }

  @ApiRoute('POST', 'verify', {
    scope,
    summary: 'Ask for a verification event',
    description: 'It comes on the stream, with the `state`.',
    answer: { description: 'It will come.' },
    problems: [...problems, 'conflict', 'rate_limited'],
  })
  async verify(
    @Body({ schema: verificationSchema }) body: z.output<typeof verificationSchema>,
    @CurrentUser() principal: Principal,
  ): Promise<void> {
    await this.#streams.verify(principal, body);
  }

  @ApiRoute('POST', 'poll/:id', {
    scope,
    summary: 'Poll for security events',
    description:
      'RFC 8936. Events that aren’t acknowledged come again. Without `returnImmediately` the answer waits for an event for up to 25 seconds.',
    ids: { id: 'Id of the stream.' },
    answer: { status: 200, description: 'Events, and whether there are more.', schema: pollAnswerSchema },
    problems: [...problems, 'conflict'],
  })
  async poll(
    @Param('id') id: string,
    @Body({ schema: pollSchema }) body: z.output<typeof pollSchema>,
    @CurrentUser() principal: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof pollAnswerSchema>> {
    if (!isId(id)) {
      throw new Problem('not_found', { reason: 'no_such_stream' });
    }
    void reply.header('cache-control', 'no-store');
    const left = new AbortController();
    reply.raw.once('close', () => left.abort());
    return this.#delivery.poll(principal, id.toLowerCase(), body, left.signal);
  }
}
