import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { parseJson } from '../../../platform/config/json.parser.js';
import { CONFIGURATION } from '../../../platform/config/config.module.js';
import type { Configuration } from '../../../platform/config/configuration.js';
import { cookieNames, readPairs } from '../../../platform/http/cookie-reader.js';
import { isInnerCall } from '../../../platform/http/inner-call.js';
import { UpstreamCookies } from '../../../platform/http/upstream-cookies.js';
import { unavailable } from '../../../platform/upstream/vendor-call.js';
import { sessionCookie } from '../kratos/kratos-session.js';
import type { Exchange } from './exchange.js';
import { cookieAfter } from './kratos-answer.js';

/** Flows that are remembered: some kilobytes each. */
const max = 1000;
/** Milliseconds in which a browser asks for the page that it is redirected to. */
const ttl = 30_000;
const begins = /^\/self-service\/(login|registration)\/browser$/;
const csrfCookie = /^csrf_token_/;
const flowSchema = z.looseObject({ id: z.uuid() });

/**
 * Logins and registrations that Kratos has begun within a followed redirect (docs/adr/0045), each for the page that is shown next: Kratos is
 * asked for the flow itself instead of a redirect to it, and the page needn't ask once more. Each is given once, soon, and to the browser with
 * the flow's CSRF cookie, as Kratos would.
 */
@Injectable()
export class BegunFlows {
  readonly #publicUrl: string;
  readonly #flows = new LRUCache<string, NonNullable<unknown>>({
    max,
    ttl,
    ttlAutopurge: true,
  });

  constructor(
    private readonly cookies: UpstreamCookies,
    @Inject(CONFIGURATION) { PUBLIC_URL }: Pick<Configuration, 'PUBLIC_URL'>,
  ) {
    this.#publicUrl = PUBLIC_URL;
  }

  /** Whether Kratos may be asked for the flow. With a session it may lead the browser elsewhere, which only a redirect says. */
  isFor({ headers }: FastifyRequest, path: string): boolean {
    return (
      isInnerCall({ headers }) &&
      begins.test(path) &&
      cookieNames(headers.cookie, this.cookies.browserName(sessionCookie)).length === 0
    );
  }

  /** Keeps the flow, and redirects to its page as Kratos would. @returns undefined for any other answer, which stays: the follower leaves that step to the browser. */
  async settle({ request, reply, path, isForFlow }: Exchange, payload: unknown): Promise<string | undefined> {
    if (!isForFlow || reply.statusCode !== 200 || !(payload instanceof Readable)) {
      return undefined;
    }
    const { data: flow } = flowSchema.safeParse(parseJson(await text(payload)));
    if (flow === undefined) {
      throw unavailable('kratos_answer_unreadable');
    }
    const [, kind = ''] = begins.exec(path) ?? [];
    const key = this.#keyOf(kind, flow.id, cookieAfter(request, reply));
    if (key !== undefined) {
      this.#flows.set(key, flow);
    }
    void reply.code(303).removeHeader('content-type').removeHeader('content-length');
    void reply.header('location', `${this.#publicUrl}/ui/${kind}?flow=${flow.id}&new=1`);
    return '';
  }

  /** A flow of which nothing has been shown or sent yet. @param header the request's Cookie header. */
  take(kind: string, id: string, header: string | undefined): unknown {
    const key = this.#keyOf(kind, id, header) ?? '';
    const flow = this.#flows.get(key);
    this.#flows.delete(key);
    return flow;
  }

  /** @returns undefined for a browser without a CSRF cookie of Kratos, to which no flow is bound. */
  #keyOf(kind: string, id: string, header: string | undefined): string | undefined {
    const bindings = readPairs(this.cookies.toUpstream(header)).filter(({ name }) => csrfCookie.test(name));
    return bindings.length === 0
      ? undefined
      : [kind, id, ...bindings.map(({ name, value }) => `${name}=${value}`)].join(' ');
  }
}
