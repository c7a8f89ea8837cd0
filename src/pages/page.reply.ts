import type { FastifyReply } from 'fastify';
import type { VNode } from 'preact';
import { allowFormTargets } from '../http/security.headers.js';
import { renderPage } from './page.renderer.js';

/**
 * Sends a page.
 * @param formTargets redirect URIs of an application that the page's form may end at.
 */
export async function sendPage(
  reply: FastifyReply,
  page: VNode,
  formTargets: readonly string[] = [],
): Promise<void> {
  const policy = reply.getHeader('content-security-policy');
  if (formTargets.length > 0 && typeof policy === 'string') {
    void reply.header('content-security-policy', allowFormTargets(policy, formTargets));
  }
  await reply.type('text/html; charset=utf-8').send(renderPage(page));
}
