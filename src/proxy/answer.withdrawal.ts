import type { FastifyReply } from 'fastify';

/** Takes from an answer what a browser would go on with: another one follows in its place. */
export function withdraw(reply: FastifyReply): void {
  for (const name of ['set-cookie', 'location', 'content-length', 'content-encoding']) {
    void reply.removeHeader(name);
  }
}
