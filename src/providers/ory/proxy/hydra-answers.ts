import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { isDeepStrictEqual } from 'node:util';
import { Logger } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { decodeJwt } from 'jose';
import { z } from 'zod';
import { policyFor } from '../../../platform/http/security-headers.js';
import { unavailable } from '../../../platform/upstream/vendor-call.js';
import { type HydraDiscovery, metadataHeaders } from '../hydra/hydra-discovery.js';
import { userClaims } from '../hydra/hydra-claims.js';
import type { ApplicationClaims } from '../challenges/application-claims.js';
import type { AuthorizationResponse } from './authorization-response.js';
import type { Exchange } from './exchange.js';
import { type FormPostPage, formPostIn } from './form-post.page.js';
import type { UsedVerifierGate } from './used-verifier.gate.js';

const userinfoSchema = z.looseObject({
  sub: z.string(),
  /** Always has the client whose token it is. */
  aud: z.array(z.string()).catch([]),
});

/** Hydra's answer for a token that isn't valid, word for word. */
const refusedToken = {
  error: 'request_unauthorized',
  error_description:
    'The request could not be authorized. Check that you provided valid credentials in the right format.',
} as const;

/** Replaces answers of Hydra's that don't work, or aren't true, behind the gateway. */
export class HydraAnswers {
  readonly #logger = new Logger(HydraAnswers.name);

  constructor(
    private readonly discovery: HydraDiscovery,
    private readonly page: FormPostPage,
    private readonly claims: ApplicationClaims,
    private readonly usedVerifiers: UsedVerifierGate,
    private readonly response: AuthorizationResponse,
  ) {}

  /**
   * Answers a request for Hydra's metadata from what is known of it.
   * @param path after the prefix.
   * @returns whether the request is answered.
   * @throws {Problem} `provider_unavailable` if Hydra's metadata can't be read.
   */
  async metadata(reply: FastifyReply, path: string): Promise<boolean> {
    if (path !== '/.well-known/openid-configuration') {
      return false;
    }
    await reply.headers(metadataHeaders).send(await this.discovery.document());
    return true;
  }

  /**
   * Call it in an `onSend` hook.
   * @param payload of Hydra's answer.
   * @returns the text to send instead; undefined if the answer stays as it is.
   */
  async rewrite(exchange: Exchange, payload: unknown): Promise<string | undefined> {
    const { request, reply, path } = exchange;
    const isReadable = payload instanceof Readable && reply.getHeader('content-encoding') === undefined;
    if (!isReadable || reply.statusCode !== 200 || request.method === 'HEAD') {
      return undefined;
    }
    const type = String(reply.getHeader('content-type'));
    if (path === '/oauth2/auth' && type.startsWith('text/html')) {
      return this.#formPost(exchange, await text(payload));
    }
    if (path === '/userinfo') {
      return this.#userinfo(reply, type, await text(payload));
    }
    return undefined;
  }

  /**
   * What an application learns about a user (OpenID Connect Core section 5.3). Hydra states what was true when the user agreed;
   * this is what is true now. The token of a user who is disabled or gone is answered as an invalid one. So is the token of an
   * application that asks for signed answers when Hydra's is no longer true: only Hydra can sign, and the next login makes it so.
   */
  async #userinfo(reply: FastifyReply, type: string, body: string): Promise<string> {
    const isSigned = type.startsWith('application/jwt');
    const stated = userinfoOf(isSigned, body);
    const names = new Set(userClaims.filter((name) => Object.hasOwn(stated, name)));
    const current = await this.claims.current(stated.sub, names, stated.aud);
    const known = Object.entries(stated).filter(([name]) => names.has(name));
    const mustMatch = isSigned ? Object.fromEntries(known) : current;
    if (current === undefined || !isDeepStrictEqual(current, mustMatch)) {
      const { error, error_description: description } = refusedToken;
      void reply.code(401).removeHeader('content-length');
      void reply.headers({
        'content-type': 'application/json',
        'www-authenticate': `Bearer error="${error}",error_description="${description}"`,
      });
      return JSON.stringify(refusedToken);
    }
    if (isSigned) {
      return body;
    }
    void reply.removeHeader('content-length');
    const others = Object.entries(stated).filter(([name]) => !names.has(name));
    return JSON.stringify({ ...Object.fromEntries(others), ...current });
  }

  /**
   * The page by which a browser posts Hydra's answer to the application (`response_mode=form_post`). Hydra's own submits itself by
   * an inline script, which the security policy blocks, and is empty where no scripts run.
   */
  #formPost(exchange: Exchange, html: string): string {
    const { request, reply } = exchange;
    void reply.removeHeader('content-length');
    const post = formPostIn(html);
    if (post === undefined) {
      this.#logger.error('Hydra answered with a page that is not a form', { reason: 'hydra_page_unknown' });
      return html;
    }
    const again = this.usedVerifiers.beginsAnew(
      request,
      new URLSearchParams(post.fields.map((field) => [...field])),
    );
    if (again !== undefined) {
      void reply.code(303).header('location', again).removeHeader('content-type');
      return '';
    }
    void reply.headers({
      'content-security-policy': policyFor([post.action]),
      // With the default, the application would get `Origin: null`; the address of this page has the request's secrets.
      'referrer-policy': 'strict-origin',
      'content-type': 'text/html; charset=utf-8',
    });
    const fields = this.response.fields(post.fields, exchange);
    return this.page.render({ ...post, fields }, request);
  }
}

/** What Hydra states about a user. @throws {Problem} `provider_unavailable` if it can't be read. */
function userinfoOf(isSigned: boolean, body: string): z.output<typeof userinfoSchema> {
  try {
    // Hydra itself has signed it a moment ago, and was asked directly.
    return userinfoSchema.parse(isSigned ? decodeJwt(body) : JSON.parse(body));
  } catch (error) {
    throw unavailable('hydra_answer_unreadable', error);
  }
}
