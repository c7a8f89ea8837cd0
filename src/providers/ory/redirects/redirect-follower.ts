import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { CarriedCookies } from '../../../platform/http/carried-cookies.js';
import { innerCallHeaders, isInnerCall } from '../../../platform/http/inner-call.js';
import { isDocumentLoad } from '../../../platform/http/navigation.js';
import { leavesOrigin, redirectPage } from '../../../platform/http/redirect.page.js';

/** Redirects that are followed for one request. */
const mostFollowed = 12;
/** Milliseconds from the request's beginning after which the browser goes on by itself. */
const longestRequest = 10_000;
/** Characters of an answer's cookies and redirect: proxies have 4 kB for all headers. */
const room = 3000;

/** Routes whose redirects are followed. */
const begins =
  /^\/(?:auth\/(?:login|signup|callback|ory\/(?:login|consent)|connections\/.*)|ui\/(?:identify|connections\/:id)|ory\/(?:kratos|hydra)(?:\/\*)?)$/;
/** Paths that are asked in place of the browser: the steps of a login, and no page. */
const followed =
  /^\/(?:auth\/(?:login|signup|callback|ory\/(?:login|consent))|ory\/(?:hydra\/oauth2\/auth|kratos\/self-service\/(?:login|registration)\/browser))$/;

/** The step that can't be taken twice, as its answer of the provider counts once: how it fails then is shown at once. */
const last = /^\/auth\/callback$/;

/** Headers of the browser's request that its next one hasn't. */
const ofOneRequest =
  /^(?:cookie|origin|expect|range|connection|keep-alive|te|trailer|transfer-encoding|upgrade|content-.*|if-.*)$/;
/** Names the request that a step is for. */
const callerHeader = 'x-vestibule-caller';
/** Headers of an answer that hold for its connection, or that are made anew. */
const ofOneAnswer = /^(?:connection|keep-alive|date|set-cookie|content-length|transfer-encoding)$/;

/**
 * Follows redirects between this service, Kratos and Hydra in this process, so that a login takes few round trips of the browser
 * (docs/adr/0045).
 *
 * Each step is a request like the browser's own, with the cookies that it would have by then: it passes the same allow-list, gates and limits.
 * A step that fails is left to the browser, with all cookies so far: a reload goes on there.
 */
export class RedirectFollower {
  readonly #host: string;
  /** Whether the callers of steps that are under way have left, by what `callerHeader` says. */
  readonly #callers = new Map<string, AbortSignal>();

  constructor(
    private readonly fastify: FastifyInstance,
    private readonly publicUrl: string,
    private readonly longest = longestRequest,
  ) {
    this.#host = new URL(publicUrl).host.toLowerCase();
  }

  /** Must be called before the routes are registered. */
  setUp(): void {
    this.fastify.addHook('onRequest', (request, reply, done) => {
      // A step ends with its caller, which would otherwise keep its place in a queue.
      this.#callers
        .get(String(request.headers[callerHeader]))
        ?.addEventListener('abort', () => reply.raw.destroy(), { once: true });
      done();
    });
    this.fastify.addHook('onRoute', (route) => {
      if (begins.test(route.url)) {
        // A route's own hooks run after all others: what the request held is free by then.
        route.onSend = [
          ...[route.onSend ?? []].flat(),
          async (request: FastifyRequest, reply: FastifyReply, payload: unknown) =>
            this.#mayBegin(request, reply) ? this.#follow(request, reply, payload) : payload,
        ];
      }
    });
  }

  /**
   * Whether the browser would follow this redirect with all of its cookies. With a form of another site it sends no `Lax` ones: it must come
   * by itself first.
   */
  #mayBegin(request: FastifyRequest, reply: FastifyReply): boolean {
    const { method, headers, host } = request;
    return (
      isRedirect(reply.statusCode) &&
      isDocumentLoad(request) &&
      (method === 'GET' || (method === 'POST' && headers['sec-fetch-site'] === 'same-origin')) &&
      host.toLowerCase() === this.#host &&
      !isInnerCall(request)
    );
  }

  async #follow(request: FastifyRequest, reply: FastifyReply, payload: unknown): Promise<unknown> {
    let location = String(reply.getHeader('location'));
    if (this.#next(location) === undefined) {
      return payload;
    }
    if (payload instanceof Readable) {
      payload.on('error', () => undefined).resume();
    }
    const cookies = new CarriedCookies(request.headers.cookie);
    cookies.take(linesOf(reply.getHeader('set-cookie')));
    const left = new AbortController();
    reply.raw.once('close', () => left.abort());
    for (let count = 0; count < mostFollowed && this.#mayGoOn(reply); count += 1) {
      const next = this.#next(location);
      if (next === undefined) {
        break;
      }
      location = next.href;
      const answer = await this.#ask(request, next, cookies.header, left.signal);
      if (answer === undefined || hasFailed(next, answer)) {
        break;
      }
      cookies.take(linesOf(answer.headers['set-cookie']));
      if (!isRedirect(answer.status)) {
        return this.#show(reply, answer, cookies);
      }
      location = String(answer.headers['location']);
    }
    return this.#leadTo(location, request, reply, cookies);
  }

  #mayGoOn({ raw, elapsedTime }: FastifyReply): boolean {
    return !raw.destroyed && elapsedTime < this.longest;
  }

  /** The step that a redirect leads to; undefined for a page, and for what isn't on this origin. */
  #next(location: string): URL | undefined {
    if (!URL.canParse(location, this.publicUrl)) {
      return undefined;
    }
    const url = new URL(location, this.publicUrl);
    return url.origin === this.publicUrl && followed.test(url.pathname) ? url : undefined;
  }

  /** Makes the browser's next request. @param caller aborts when the browser leaves. @returns undefined if there is no answer. */
  async #ask(
    request: FastifyRequest,
    { pathname, search }: URL,
    cookie: string,
    caller: AbortSignal,
  ): Promise<Answer | undefined> {
    const id = randomUUID();
    this.#callers.set(id, caller);
    try {
      const { statusCode, headers, rawPayload } = await this.fastify.inject({
        method: 'GET',
        url: pathname + search,
        headers: { ...headersOfNext(request.headers), ...innerCallHeaders, [callerHeader]: id, cookie },
        remoteAddress: request.socket.remoteAddress ?? request.ip,
      });
      return { status: statusCode, headers, body: rawPayload };
    } catch {
      return undefined;
    } finally {
      this.#callers.delete(id);
    }
  }

  #show(reply: FastifyReply, { status, headers, body }: Answer, cookies: CarriedCookies): Buffer {
    void reply.code(status).removeHeader('location').removeHeader('content-length');
    for (const [name, value] of Object.entries(headers)) {
      if (value !== undefined && !ofOneAnswer.test(name)) {
        void reply.header(name, value);
      }
    }
    setLines(reply, cookies.linesWithin(room));
    return body;
  }

  #leadTo(
    location: string,
    { method }: FastifyRequest,
    reply: FastifyReply,
    cookies: CarriedCookies,
  ): string {
    const lines = cookies.linesWithin(room - location.length);
    setLines(reply.removeHeader('content-length').removeHeader('content-type'), lines);
    if (method === 'POST' && leavesOrigin(location, this.publicUrl)) {
      // The form's own policy would block the redirect to another host.
      void reply.code(200).removeHeader('location').type('text/html; charset=utf-8');
      return redirectPage(new URL(location).href);
    }
    void reply.header('location', location);
    return '';
  }
}

/** What a step answered. */
interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, number | string | string[] | undefined>>;
  readonly body: Buffer;
}

/** Whether a step is left to the browser. */
function hasFailed(step: URL, answer: Answer): boolean {
  const leadsNowhere = isRedirect(answer.status) && answer.headers['location'] === undefined;
  return leadsNowhere || (answer.status >= 400 && !hasCounted(step, answer));
}

/** Whether a step can't be taken again, which it says by its cookies. What refuses it before, such as an overload, sets none. */
function hasCounted({ pathname }: URL, { headers }: Answer): boolean {
  return last.test(pathname) && linesOf(headers['set-cookie']).length > 0;
}

function isRedirect(status: number): boolean {
  return status === 302 || status === 303;
}

function linesOf(header: number | string | string[] | undefined): string[] {
  return [header ?? []].flat().map(String);
}

/** A browser without `User-Agent` has none in the next request either. */
function headersOfNext(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const kept = Object.entries(headers).filter(([name]) => !ofOneRequest.test(name));
  return { 'user-agent': '', ...Object.fromEntries(kept) };
}

/** Sets the cookies and the header that comes with them. */
function setLines(reply: FastifyReply, lines: string[]): void {
  void reply.removeHeader('set-cookie').header('cache-control', 'no-store');
  if (lines.length > 0) {
    void reply.header('set-cookie', lines);
  }
}
