import type { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Requests of one connection that may wait; with more, it ends. */
const mostWaiting = 16;

/**
 * Answers pipelined requests (RFC 9112 section 9.3.2) one after the other: each begins when its response has the connection. Node would
 * begin them at once, and doesn't tell a response that has no connection yet when the connection ends. What such a request holds, for
 * example its turn at Kratos, would then be held for ever.
 */
export class PipelinedRequests {
  readonly #waiting = new WeakMap<Socket, number>();

  /**
   * Goes on when the request's turn has come, and never if its connection ends before.
   * @param reply whose response doesn't have the connection yet.
   */
  wait(request: FastifyRequest, reply: FastifyReply, goOn: () => void): void {
    const { socket } = request.raw;
    const waiting = (this.#waiting.get(socket) ?? 0) + 1;
    if (waiting > mostWaiting) {
      socket.destroy();
      return;
    }
    this.#waiting.set(socket, waiting);
    // Node (20 to 24) emits this when a response gets the connection.
    reply.raw.once('socket', () => {
      this.#waiting.set(socket, (this.#waiting.get(socket) ?? 1) - 1);
      // Node finishes handing the connection over first.
      setImmediate(() => {
        if (!socket.destroyed) {
          goOn();
        }
      });
    });
  }
}
