import type { FastifyReply, FastifyRequest } from 'fastify';
import { acceptsHtml } from '../../../platform/http/navigation.js';
import { readSubmittedForm } from './submitted.form.js';

/**
 * Sends a browser to the destination of its login form if it has logged in meanwhile, in another tab. Kratos redirects such a
 * form to its default address. It no longer shows the flow, because that login renewed the browser's CSRF cookie. So the form
 * carries its destination. Call it after Kratos has answered and before its answer is passed on. @param path after the prefix.
 */
export async function returnFromLogin(
  request: FastifyRequest,
  reply: FastifyReply,
  path: string,
  publicUrl: string,
): Promise<void> {
  const isForm = request.method === 'POST' && path === '/self-service/login' && acceptsHtml(request);
  // Kratos' default address, set in kratos.env. A login that succeeds here leads to its flow's own destination.
  if (!isForm || reply.getHeader('location') !== `${publicUrl}/auth/login`) {
    return;
  }
  const { fields } = await readSubmittedForm(request);
  const [, returnTo] = fields.find(([name]) => name === 'return_to') ?? [];
  if (returnTo !== undefined && URL.canParse(returnTo) && new URL(returnTo).origin === publicUrl) {
    void reply.header('location', new URL(returnTo).href);
  }
}
