import type { FastifyReply, FastifyRequest } from 'fastify';
import { acceptsHtml } from '../platform/http/navigation.js';
import { redirectPage } from '../platform/http/redirect.page.js';

/**
 * Answers a logout: a page that posted a form goes on, and a script is told where.
 * @param next at the provider, if the browser must go there.
 * @param home where a page goes otherwise.
 */
export async function answerLogout(
  request: FastifyRequest,
  reply: FastifyReply,
  next: URL | undefined,
  home: string,
): Promise<void> {
  if (acceptsHtml(request) && next !== undefined) {
    // Not a redirect: the page's form-action policy would block it, and can't name the provider's next addresses.
    await reply.type('text/html; charset=utf-8').send(redirectPage(next.href));
  } else if (acceptsHtml(request)) {
    await reply.redirect(home, 303);
  } else {
    await reply.send({ logoutUrl: next?.href ?? null });
  }
}
