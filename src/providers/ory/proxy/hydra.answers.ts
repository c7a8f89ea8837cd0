import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { policyFor } from '../../../platform/http/security.headers.js';
import { unavailable } from '../../../platform/upstream/vendor.call.js';
import type { HydraDiscovery } from '../hydra/hydra.discovery.js';
import { type FormPostPage, formPostIn } from './form-post.page.js';

/** Replaces answers of Hydra's that don't work, or aren't true, behind the gateway. */
export class HydraAnswers {
  readonly #logger = new Logger(HydraAnswers.name);
  readonly #discovery: HydraDiscovery;
  readonly #page: FormPostPage;

  constructor(discovery: HydraDiscovery, page: FormPostPage) {
    this.#discovery = discovery;
    this.#page = page;
  }

  /**
   * Call it in an `onSend` hook.
   * @param path after the prefix. @param payload of Hydra's answer.
   * @returns the text to send instead; undefined if the answer stays as it is.
   * @throws {Problem} `provider_unavailable` if Hydra's metadata can't be read.
   */
  async rewrite(
    request: FastifyRequest,
    reply: FastifyReply,
    path: string,
    payload: unknown,
  ): Promise<string | undefined> {
    const isMetadata = path === '/.well-known/openid-configuration';
    if (isMetadata) {
      // Also for HEAD: it is the length of Hydra's own document.
      void reply.removeHeader('content-length');
    }
    const isReadable = payload instanceof Readable && reply.getHeader('content-encoding') === undefined;
    if (!isReadable || reply.statusCode !== 200 || request.method === 'HEAD') {
      return undefined;
    }
    const type = String(reply.getHeader('content-type'));
    if (isMetadata) {
      return this.#metadata(await text(payload));
    }
    if (path === '/oauth2/auth' && type.startsWith('text/html')) {
      return this.#formPost(request, reply, await text(payload));
    }
    return undefined;
  }

  #metadata(json: string): string {
    try {
      return JSON.stringify(this.#discovery.corrected(JSON.parse(json)));
    } catch (error) {
      throw unavailable('hydra_undiscovered', error);
    }
  }

  /**
   * The page by which a browser posts Hydra's answer to the application (`response_mode=form_post`). Hydra's own submits itself by
   * an inline script, which the security policy blocks, and is empty where no scripts run.
   */
  #formPost(request: FastifyRequest, reply: FastifyReply, html: string): string {
    void reply.removeHeader('content-length');
    const post = formPostIn(html);
    if (post === undefined) {
      this.#logger.error('Hydra answered with a page that is not a form', { reason: 'hydra_page_unknown' });
      return html;
    }
    void reply.headers({
      'content-security-policy': policyFor([post.action]),
      // With the default, the application would get `Origin: null`; the address of this page has the request's secrets.
      'referrer-policy': 'strict-origin',
      'content-type': 'text/html; charset=utf-8',
    });
    return this.#page.render(post, request);
  }
}
