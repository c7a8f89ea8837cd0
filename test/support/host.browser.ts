import type { Gateway, GatewayAnswer, HeldSession } from './gateway.js';

/** Where a browser has come to. */
export interface Arrival extends GatewayAnswer {
  readonly url: string;
}

interface Visit {
  readonly method?: 'GET' | 'HEAD' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
}

const mostRedirects = 12;

/**
 * A browser at a gateway without sockets, and at hosts behind a proxy that asks it: a cookie is sent to the host that set it and to no
 * other, and a path that isn't the gateway's is answered by the sub-request about it.
 */
export class HostBrowser {
  readonly #gateway: Gateway;
  readonly #publicUrl: string;
  /** Cookies by host and name. */
  readonly cookies = new Map<string, Map<string, string>>();
  /** All addresses so far. */
  readonly history: string[] = [];

  constructor(gateway: Gateway, session?: HeldSession) {
    this.#gateway = gateway;
    this.#publicUrl = gateway.configuration.PUBLIC_URL;
    if (session !== undefined) {
      this.plant(new URL(this.#publicUrl).host, gateway.cookieName, session.sealed);
    }
  }

  /** Puts a cookie into the browser. */
  plant(host: string, name: string, value: string): void {
    this.cookies.set(host, new Map([...(this.cookies.get(host) ?? []), [name, value]]));
  }

  /** The value of the session's cookie on a host. */
  sessionOn(host: string): string | undefined {
    return this.cookies.get(host)?.get(this.#gateway.cookieName);
  }

  /** The Cookie header for a host. */
  cookieHeader(host: string): string {
    return [...(this.cookies.get(host) ?? [])].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  /** One page load, no redirect followed. @param query what the proxy requires. */
  async load(url: string, { method = 'GET', headers = {} }: Visit = {}, query = ''): Promise<Arrival> {
    this.history.push(url);
    const { host, pathname, search, origin } = new URL(url);
    const isOwn = origin === this.#publicUrl || pathname.startsWith('/.vestibule/');
    const cookie = this.cookieHeader(host);
    const answer = await this.#gateway.request(
      isOwn ? pathname + search : `/auth/verify?redirect=true${query}`,
      {
        method: isOwn ? method : 'GET',
        headers: {
          host,
          'x-forwarded-for': '203.0.113.9',
          ...(isOwn ? {} : { 'x-forwarded-method': method, 'x-forwarded-uri': pathname + search }),
          accept: 'text/html,application/xhtml+xml',
          'sec-fetch-mode': 'navigate',
          'sec-fetch-dest': 'document',
          ...(cookie === '' ? {} : { cookie }),
          ...headers,
        },
      },
    );
    this.#keep(host, answer.cookies);
    return { ...answer, url };
  }

  /** A page load that follows redirects, and pages that go on by themselves, until `stop` says so. */
  async go(url: string, stop: (next: URL) => boolean = () => false, query = ''): Promise<Arrival> {
    let arrival = await this.load(url, {}, query);
    for (let count = 0; count < mostRedirects; count += 1) {
      const refresh = /http-equiv="refresh" content="0;url=([^"]+)"/.exec(arrival.text)?.[1];
      const next = arrival.headers['location'] ?? refresh?.replaceAll('&amp;', '&');
      if (next === undefined || stop(new URL(next, arrival.url))) {
        return next === undefined ? arrival : { ...arrival, url: new URL(next, arrival.url).href };
      }
      arrival = await this.load(new URL(next, arrival.url).href, {}, query);
    }
    throw new Error(`more than ${mostRedirects} redirects: ${this.history.slice(-4).join(' → ')}`);
  }

  #keep(host: string, lines: readonly string[]): void {
    for (const line of lines) {
      const [pair = '', ...attributes] = line.split(/; */);
      if (attributes.some((attribute) => /^domain=/i.test(attribute))) {
        throw new Error('a cookie is set for a domain');
      }
      const [name = '', value = ''] = pair.split(/=(.*)/s);
      this.plant(host, name, value);
      if (attributes.includes('Max-Age=0')) {
        this.cookies.get(host)?.delete(name);
      }
    }
  }
}
