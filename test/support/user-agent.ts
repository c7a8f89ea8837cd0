import { type HTMLElement, parse } from 'node-html-parser';
import { CookieJar } from 'tough-cookie';
import { noteRequest } from './attack.counter.js';
import { rawRequest } from './raw.request.js';

/** What a request may say besides its path. */
export interface Visit {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | URLSearchParams;
}

/** An answer with its body read. */
export interface Page {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON. */
  json(): unknown;
  /** The body as a document. */
  html(): HTMLElement;
}

const maximumRedirects = 20;
const acceptsPages = { accept: 'text/html,application/xhtml+xml' } as const;

/** A browser without a screen: cookies, redirects, forms, and the headers that browsers send by themselves. */
export class UserAgent {
  readonly jar = new CookieJar(undefined, { looseMode: false });
  readonly #origin: string;
  #listener: string;

  /**
   * @param origin of the gateway, for paths.
   * @param listener URL on which the gateway listens, where a proxy would stand before it.
   */
  constructor(origin: string, listener = origin) {
    this.#origin = origin;
    this.#listener = listener;
  }

  /** Reaches another replica from now on, as behind a load balancer; cookies stay. */
  turnTo(listener: string): this {
    this.#listener = listener;
    return this;
  }

  /** A copy with these cookies at another replica, as behind a load balancer. What it does later doesn't change this one. */
  async copyAt(listener: string | undefined): Promise<UserAgent> {
    const copy = new UserAgent(this.#origin, listener);
    for (const cookie of await this.jar.getCookies(this.#origin)) {
      await copy.jar.setCookie(cookie, this.#origin);
    }
    return copy;
  }

  /** One request, no redirect followed; cookies are sent and kept. */
  async request(target: string, visit: Visit = {}): Promise<Page> {
    noteRequest();
    const url = new URL(target, this.#origin).href;
    const cookie = await this.jar.getCookieString(url);
    const { origin, host, pathname, search } = new URL(url);
    // Not fetch(): it overwrites Sec-Fetch-Mode, and a page load would look like a script's request.
    const answer = await rawRequest(origin === this.#origin ? this.#listener : origin, {
      method: visit.method ?? 'GET',
      path: pathname + search,
      headers: { host, ...(cookie === '' ? {} : { cookie }), ...contentType(visit), ...visit.headers },
      ...(visit.body === undefined ? {} : { body: visit.body.toString() }),
    });
    for (const header of answer.headers.getSetCookie()) {
      await this.jar.setCookie(header, url, { ignoreError: false });
    }
    const text = await answer.text();
    return {
      url,
      status: answer.status,
      headers: answer.headers,
      text,
      json: () => JSON.parse(text),
      html: () => parse(text),
    };
  }

  /** A page load: follows redirects until a page, or until one would leave the origin (that answer is returned). */
  async navigate(target: string, visit: Visit = {}): Promise<Page> {
    let page = await this.request(target, asNavigation(visit, this.#origin));
    for (let count = 0; count < maximumRedirects; count += 1) {
      const target = nextOf(page);
      if (target === undefined) {
        return page;
      }
      const next = new URL(target, page.url);
      if (next.origin !== this.#origin) {
        return page;
      }
      page = await this.request(next.href, asNavigation({}, this.#origin));
    }
    return page;
  }

  /**
   * A page load that stops before a redirect is followed. As the gateway follows none for a browser without Fetch Metadata, each is seen.
   * @returns where that redirect leads.
   */
  async followUntil(target: string, stop: (next: URL) => boolean): Promise<URL> {
    let page = await this.request(target, { headers: acceptsPages });
    for (let count = 0; isRedirect(page) && count < maximumRedirects; count += 1) {
      const next = new URL(page.headers.get('location') ?? '', page.url);
      if (stop(next)) {
        return next;
      }
      page = await this.request(next.href, { headers: acceptsPages });
    }
    throw new Error(`${new URL(page.url).pathname} (${page.status}) came before the awaited redirect`);
  }

  /** Fills in and sends a form of the page, with the button of this name and value; follows redirects. */
  async submit(
    page: Page,
    fields: Readonly<Record<string, string>>,
    button?: { readonly name: string; readonly value: string },
  ): Promise<Page> {
    const { action, body } = formOf(page, fields, button);
    return this.navigate(action, { method: 'POST', body });
  }

  /** A fetch() of a page's own script. */
  async fetch(target: string, visit: Visit = {}): Promise<Page> {
    return this.request(target, {
      ...visit,
      headers: {
        accept: 'application/json',
        'sec-fetch-site': 'same-origin',
        'sec-fetch-mode': 'cors',
        ...visit.headers,
      },
    });
  }

  /** `fetch` with a JSON body. */
  async post(target: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Page> {
    return this.send('POST', target, body, headers);
  }

  /** `fetch` with this method, from the gateway's own origin, with a JSON body or none. */
  async send(
    method: string,
    target: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Page> {
    return this.fetch(target, {
      method,
      headers: {
        origin: this.#origin,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  /** The value of a cookie of the gateway's origin. */
  async cookie(name: string): Promise<string | undefined> {
    const cookies = await this.jar.getCookies(this.#origin);
    return cookies.find(({ key }) => key === name)?.value;
  }
}

/** Where a browser goes on from an answer by itself: by a redirect, or by a page that leads on at once. */
export function nextOf(page: Page): string | undefined {
  const refresh = /http-equiv="refresh" content="0;url=([^"]+)"/.exec(page.text)?.[1];
  return isRedirect(page) ? (page.headers.get('location') ?? undefined) : refresh?.replaceAll('&amp;', '&');
}

/** Action and body of the page's form that has all these fields. */
export function formOf(
  page: Page,
  fields: Readonly<Record<string, string>>,
  button?: { readonly name: string; readonly value: string },
): { action: string; body: URLSearchParams } {
  const wanted = Object.keys(fields);
  const form = page
    .html()
    .querySelectorAll('form')
    .find((candidate) => {
      const names = new Set(candidate.querySelectorAll('[name]').map((input) => input.getAttribute('name')));
      return wanted.every((name) => names.has(name)) && (button === undefined || names.has(button.name));
    });
  if (form === undefined) {
    throw new Error(`${page.url} (${page.status}) has no form with ${wanted.join(', ')}`);
  }
  const body = new URLSearchParams();
  for (const input of form.querySelectorAll('input')) {
    const type = input.getAttribute('type');
    const checkable = type === 'checkbox' || type === 'radio';
    if (type !== 'submit' && (!checkable || input.hasAttribute('checked'))) {
      body.append(input.getAttribute('name') ?? '', input.getAttribute('value') ?? '');
    }
  }
  for (const [name, value] of Object.entries(fields)) {
    body.set(name, value);
  }
  const pressed = button ?? firstButton(form);
  if (pressed !== undefined) {
    body.append(pressed.name, pressed.value);
  }
  return { action: new URL(form.getAttribute('action') ?? '', page.url).href, body };
}

function firstButton(form: HTMLElement): { name: string; value: string } | undefined {
  const button = form.querySelector('button[type=submit][name], input[type=submit][name]');
  const name = button?.getAttribute('name');
  return name === undefined ? undefined : { name, value: button?.getAttribute('value') ?? '' };
}

/** What fetch() and forms say of a body by themselves. */
function contentType({ body }: Visit): Record<string, string> {
  if (body === undefined) {
    return {};
  }
  const type = body instanceof URLSearchParams ? 'application/x-www-form-urlencoded' : 'text/plain';
  return { 'content-type': `${type};charset=UTF-8` };
}

function isRedirect(page: Page): boolean {
  return page.status >= 300 && page.status < 400 && page.headers.has('location');
}

function asNavigation(visit: Visit, origin: string): Visit {
  const posting = visit.method === 'POST';
  return {
    ...visit,
    headers: {
      ...acceptsPages,
      'sec-fetch-mode': 'navigate',
      'sec-fetch-site': 'same-origin',
      'sec-fetch-dest': 'document',
      ...(posting ? { origin } : {}),
      ...visit.headers,
    },
  };
}
