import { Body, Param, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { Problem } from '../../../platform/errors/problem.error.js';
import { isId } from '../../../platform/core/id.schema.js';
import { CurrentUser } from '../../../session/guards/access.decorators.js';
import { ApiController, ApiRoute } from '../../../session/guards/api-route.js';
import type { Principal } from '../../../session/principal.js';
import { SignalDelivery } from './signal-delivery.js';
import { SignalKeys } from './signal-keys.js';
import { SignalPusher } from './signal-pusher.js';
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
import { revocationsScope as scope } from '../../../session/guards/scopes.js';
import { SignalStreams } from './signal-streams.js';

type Stream = z.output<typeof streamSchema>;
type Status = z.output<typeof statusSchema>;

const problems = ['forbidden', 'not_found'] as const;

/** The routes by which other systems are told of ended sessions (OpenID Shared Signals Framework 1.0). */
@ApiController('ssf', { tag: 'signals', credentials: ['apiKey', 'bearer'] })
export class SignalsController {
  constructor(
    private readonly streams: SignalStreams,
    private readonly delivery: SignalDelivery,
    private readonly pusher: SignalPusher,
    private readonly keys: SignalKeys,
  ) {}

  @ApiRoute('POST', 'streams', {
    scope,
    summary: 'Create a stream of security events',
    description:
      'For service clients and administrators’ API keys. The receiver polls for events, or has them pushed to a URL over TLS.',
    answer: { status: 201, description: 'Created.', schema: streamSchema },
    problems: ['forbidden', 'conflict'],
  })
  async create(
    @Body({ schema: newStreamSchema }) body: z.output<typeof newStreamSchema>,
    @CurrentUser() principal: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Stream> {
    void reply.header('cache-control', 'no-store');
    await this.keys.ensure();
    return this.streams.create(principal, body);
  }

  @ApiRoute('GET', 'streams', {
    scope,
    summary: 'Get one stream or all streams',
    description: 'With `stream_id`, returns that stream of the caller’s; without it, all of them.',
    answer: { description: 'One stream, or a list of streams.', schema: streamsSchema },
    problems,
  })
  async read(
    @Query({ schema: optionalStreamQuerySchema })
    { stream_id: id }: z.output<typeof optionalStreamQuerySchema>,
    @CurrentUser() principal: Principal,
  ): Promise<Stream | readonly Stream[]> {
    return id === undefined ? this.streams.list(principal) : this.streams.get(principal, id);
  }

  @ApiRoute('PATCH', 'streams', {
    scope,
    summary: 'Change a stream',
    description: 'Properties that are left out don’t change.',
    answer: { description: 'Changed.', schema: streamSchema },
    problems,
  })
  async change(
    @Body({ schema: streamChangeSchema }) body: z.output<typeof streamChangeSchema>,
    @CurrentUser() principal: Principal,
  ): Promise<Stream> {
    return this.streams.change(principal, body);
  }

  @ApiRoute('PUT', 'streams', {
    scope,
    summary: 'Replace a stream’s configuration',
    description: 'Properties that are left out are reset to their defaults.',
    answer: { description: 'Replaced.', schema: streamSchema },
    problems,
  })
  async replace(
    @Body({ schema: streamReplacementSchema }) body: z.output<typeof streamReplacementSchema>,
    @CurrentUser() principal: Principal,
  ): Promise<Stream> {
    return this.streams.replace(principal, body.stream_id, body);
  }

  @ApiRoute('DELETE', 'streams', {
    scope,
    summary: 'Delete a stream',
    description: 'Events that the receiver hasn’t received yet are dropped.',
    answer: { description: 'Deleted.' },
    problems,
  })
  async delete(
    @Query({ schema: streamQuerySchema }) { stream_id: id }: z.output<typeof streamQuerySchema>,
    @CurrentUser() principal: Principal,
  ): Promise<void> {
    await this.streams.delete(principal, id);
    await this.pusher.settled(id);
  }

  @ApiRoute('GET', 'status', {
    scope,
    summary: 'Get a stream’s status',
    description: 'A paused stream keeps its events for later; a disabled one doesn’t.',
    answer: { description: 'The status of the stream.', schema: statusSchema },
    problems,
  })
  async status(
    @Query({ schema: streamQuerySchema }) { stream_id: id }: z.output<typeof streamQuerySchema>,
    @CurrentUser() principal: Principal,
  ): Promise<Status> {
    return this.streams.status(principal, id);
  }

  @ApiRoute('POST', 'status', {
    scope,
    summary: 'Set a stream’s status',
    description: 'Enables, pauses or disables the stream.',
    answer: { status: 200, description: 'The status has been set.', schema: statusSchema },
    problems,
  })
  async setStatus(
    @Body({ schema: statusChangeSchema }) body: z.output<typeof statusChangeSchema>,
    @CurrentUser() principal: Principal,
  ): Promise<Status> {
    const status = await this.streams.setStatus(principal, body);
    await this.pusher.settled(status.stream_id);
    return status;
  }

  @ApiRoute('POST', 'verify', {
    scope,
    summary: 'Request a verification event',
    description:
      'The stream delivers a verification event with the given `state`, so that the receiver can test it. A disabled stream delivers none.',
    answer: { description: 'The event will be delivered.' },
    problems: [...problems, 'rate_limited'],
  })
  async verify(
    @Body({ schema: verificationSchema }) body: z.output<typeof verificationSchema>,
    @CurrentUser() principal: Principal,
  ): Promise<void> {
    await this.streams.verify(principal, body);
  }

  @ApiRoute('POST', 'poll/:id', {
    scope,
    summary: 'Poll for security events',
    description:
      'RFC 8936. Events that the receiver doesn’t acknowledge are sent again. Unless `returnImmediately` is true, the answer waits up to 25 seconds for an event.',
    ids: { id: 'Id of the stream.' },
    answer: { status: 200, description: 'Events, and whether more are available.', schema: pollAnswerSchema },
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
    return this.delivery.poll(principal, id.toLowerCase(), body, left.signal);
  }
}
