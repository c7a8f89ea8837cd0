import type { ArgumentsHost } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** The request of a guard's or decorator's context. It doesn't use `switchToHttp()`, which makes three functions each time. */
export function requestOf(context: ArgumentsHost): FastifyRequest {
  return context.getArgByIndex<FastifyRequest>(0);
}

/** The answer to {@link requestOf}. */
export function replyOf(context: ArgumentsHost): FastifyReply {
  return context.getArgByIndex<FastifyReply>(1);
}
