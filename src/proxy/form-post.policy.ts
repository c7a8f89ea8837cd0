import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { policyFor } from '../http/security.headers.js';

/** What Hydra's page runs to submit itself, byte for byte: an inline event handler is allowed by its hash alone. */
const submission = 'javascript:document.forms[0].submit()';
const scriptSource = `script-src 'unsafe-hashes' 'sha256-${createHash('sha256').update(submission).digest('base64')}'`;

const querySchema = z.looseObject({ response_mode: z.literal('form_post'), redirect_uri: z.url() });

/**
 * Lets Hydra's page for `response_mode=form_post` (OAuth 2.0 Form Post Response Mode) post its answer to the application: our own policy would
 * stop both its script and its form. The application is the one that Hydra has just found registered.
 */
export function allowFormPost(request: FastifyRequest, reply: FastifyReply): void {
  const { data } = querySchema.safeParse(request.query);
  if (data === undefined || reply.statusCode !== 200) {
    return;
  }
  const policy = policyFor([data.redirect_uri]).replace(/script-src [^;]*/, scriptSource);
  void reply.header('content-security-policy', policy);
}
