import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { Problem } from '../../../platform/errors/problem.error.js';

const maximumBytes = 65_536;

/** Reads a body; without a length, it's counted here. @throws {Problem} `payload_too_large`, `malformed_request` */
export async function readWholeBody(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of body) {
      const bytes = Buffer.from(chunk);
      length += bytes.length;
      if (length > maximumBytes) {
        throw new Problem('payload_too_large', { reason: 'form_too_large' });
      }
      chunks.push(bytes);
    }
  } catch (error) {
    throw error instanceof Problem
      ? error
      : new Problem('malformed_request', { reason: 'form_cut_off', cause: error });
  }
  return Buffer.concat(chunks);
}

/** Reads a request's body, which can still be passed on. @throws {Problem} as {@link readWholeBody} */
export async function peekBody(request: FastifyRequest, body: Readable): Promise<Buffer> {
  const bytes = await readWholeBody(body);
  replaceBody(request, bytes);
  return bytes;
}

/** Puts a body in the place of the one that was read. */
export function replaceBody(request: FastifyRequest, bytes: Buffer): void {
  request.body = Readable.from([bytes], { objectMode: false });
}

/**
 * Reads a request to its end before it takes a turn: a caller who sends it slowly keeps nobody else waiting. This includes a GET: if the
 * caller leaves one that wasn't read, @fastify/reply-from drops the answer, and no `onSend` hook would note what it changed.
 */
export async function awaitBody(request: FastifyRequest): Promise<void> {
  if (request.body instanceof Readable) {
    await peekBody(request, request.body);
  } else if (!request.raw.readableEnded) {
    await readWholeBody(request.raw);
  }
}
