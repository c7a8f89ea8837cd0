import type { FastifyReply, FastifyRequest } from 'fastify';
import { acceptsHtml } from '../http/navigation.js';
import { readSubmittedForm } from './submitted.form.js';

/**
 * Brings a login form to where its flow leads when the browser has logged in meanwhile, in another tab. Kratos sends such a form to
 * its default address, and no longer shows the flow, because that login has renewed the browser's CSRF cookie. So the form carries
 * its destination.
 */
export class LoginReturn {
  readonly #publicUrl: string;

  constructor(publicUrl: string) {
    this.#publicUrl = publicUrl;
  }

  /** After Kratos has answered, before its answer goes on. @param path after the prefix. */
  async settle(request: FastifyRequest, reply: FastifyReply, path: string): Promise<void> {
    const isForm = request.method === 'POST' && path === '/self-service/login' && acceptsHtml(request);
    // Kratos' default address, as kratos.env sets it: a login that has worked here goes to its flow's own.
    if (!isForm || reply.getHeader('location') !== `${this.#publicUrl}/auth/login`) {
      return;
    }
    const { fields } = await readSubmittedForm(request);
    const [, returnTo] = fields.find(([name]) => name === 'return_to') ?? [];
    if (returnTo !== undefined && URL.canParse(returnTo) && new URL(returnTo).origin === this.#publicUrl) {
      void reply.header('location', new URL(returnTo).href);
    }
  }
}
