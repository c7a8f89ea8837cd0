import { Logger, Req, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiResponse } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Problem } from '../../../platform/errors/problem.error.js';
import { clientInfoOf } from '../../../platform/http/client-info.js';
import { UnreadableAs } from '../../../platform/http/unreadable-body.js';
import { Public } from '../../../session/guards/access.decorators.js';
import { ApiController, ApiRoute } from '../../../session/guards/api-route.js';
import { RateLimited } from '../../../session/guards/rate-limited.decorators.js';
import { SignalReceiver } from './signal-receiver.js';
import { signalErrorCodes, SignalRefusal } from './signal-refusal.js';

const contentType = 'application/secevent+jwt';
const contentTypeForm = /^application\/secevent\+jwt(?:\s*;|$)/i;

/** A signed compact JWS. */
const tokenSchema = z
  .string()
  .regex(/^[\w-]+\.[\w-]+\.[\w-]+$/)
  .meta({
    description: 'A security event token (RFC 8417). Its signature authenticates the request.',
    example: 'header.payload.signature',
  });

/** Swagger reads a `standardSchema` here as well, although its types don't declare it. */
const tokenBody = { required: true, standardSchema: tokenSchema };

const errorSchema = z.object({ err: z.enum(signalErrorCodes), description: z.string() });

/** The endpoint to which transmitters push signals (RFC 8935, OpenID Shared Signals Framework 1.0 section 9.1). */
@ApiController('ssf', { tag: 'auth', credentials: [] })
export class SignalsController {
  readonly #logger = new Logger(SignalsController.name);

  constructor(private readonly signals: SignalReceiver) {}

  @ApiRoute('POST', 'events', {
    summary: 'Receive a security event from another provider',
    description:
      'RFC 8935, OpenID Shared Signals and CAEP. Depending on the event, ends the sessions of its subject or renews their tokens. Only the transmitters in `SIGNAL_TRANSMITTERS` are accepted. A token that is sent again is acknowledged again.',
    answer: { status: 202, description: 'The event is acknowledged.' },
    problems: [
      'not_found',
      'unsupported_media_type',
      'payload_too_large',
      'rate_limited',
      'provider_unavailable',
      'database_unavailable',
    ],
  })
  @UnreadableAs((description) => ({ err: 'invalid_request', description }))
  @Public()
  @RateLimited('signal-address')
  @ApiConsumes(contentType)
  @ApiBody(tokenBody)
  @ApiResponse({
    status: 400,
    description: 'The security event token was refused (RFC 8935, section 2.3).',
    standardSchema: errorSchema,
  })
  async receive(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof errorSchema> | undefined> {
    if (!this.signals.isOn) {
      throw new Problem('not_found', { reason: 'signals_off' });
    }
    void reply.header('cache-control', 'no-store');
    try {
      await this.signals.receive(tokenOf(request), clientInfoOf(request));
      return undefined;
    } catch (error) {
      if (error instanceof SignalRefusal) {
        this.#logger.warn('a signal was refused', { reason: error.reason });
        void reply.code(400).header('content-language', 'en');
        return { err: error.code, description: error.message };
      }
      throw error;
    }
  }
}

/** The body as a token. A JSON text is no token, although it is parsed here too. */
function tokenOf({ body, headers }: FastifyRequest): string {
  const parsed = tokenSchema.safeParse(body);
  if (!parsed.success || !contentTypeForm.test(headers['content-type'] ?? '')) {
    throw new SignalRefusal('invalid_request', 'signal_malformed', `a token is needed, as ${contentType}`);
  }
  return parsed.data;
}
