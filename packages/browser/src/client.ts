import { GatewayError } from './gateway.error.js';
import type { Session } from './session.js';

/** Seconds that a token must have left to be given out again. */
const leastLeft = 30;
/** Seconds after which a page that comes to the front asks again. */
const freshFor = 30;
const channelName = 'vestibule';

export interface ClientOptions {
  /** Fetches from the gateway, on this page's origin. Default: the browser's own. */
  readonly fetch?: typeof fetch;
}

export interface TokenOptions {
  /** Narrows the token to these scopes, separated by spaces. */
  readonly scope?: string;
  /** Slug or id of the organisation for which the token acts. */
  readonly org?: string;
}

/** The session of this page. It holds tokens in memory only. */
export interface Client {
  /**
   * The live session; undefined if no user is logged in. It is asked for once, and again when the page comes to the front.
   * @throws {GatewayError} when the gateway doesn't answer.
   */
  session(): Promise<Session | undefined>;
  /** What {@link session} last found: undefined for no user, and null while that isn't known. */
  readonly current: Session | undefined | null;
  /** Calls a listener whenever {@link current} changes. @returns what ends that. */
  subscribe(listener: () => void): () => void;
  /** Sends the browser to log in, and back. @param returnTo path on this origin. Default: this page. */
  login(returnTo?: string): void;
  /** Ends the session, here and in all tabs, and sends the browser on. @param returnTo path on this origin. @throws {GatewayError} */
  logout(returnTo?: string): Promise<void>;
  /**
   * A bearer token for another service, exchanged for the session and kept until shortly before its end.
   * @returns undefined if no user is logged in. @throws {GatewayError}
   */
  token(options?: TokenOptions): Promise<string | undefined>;
  /** Stops listening to other tabs and to the page. */
  close(): void;
}

interface HeldToken {
  readonly value: Promise<string | undefined>;
  /** Seconds since the epoch. */
  until: number;
}

/** Makes the client of a page. One for each page is enough. */
export function createClient(options: ClientOptions = {}): Client {
  return new PageClient(options.fetch ?? ((input, init) => fetch(input, init)));
}

class PageClient implements Client {
  readonly #fetch: typeof fetch;
  readonly #listeners = new Set<() => void>();
  readonly #tokens = new Map<string, HeldToken>();
  readonly #channel = new BroadcastChannel(channelName);
  readonly #whenVisible = (): void => {
    if (
      document.visibilityState === 'visible' &&
      this.current !== null &&
      seconds() - this.#askedAt > freshFor
    ) {
      // A page that comes to the front without a network shows what it knows.
      this.#ask().catch(() => undefined);
    }
  };
  #asking: Promise<Session | undefined> | undefined;
  #askedAt = 0;
  /** How often a session has ended: an answer that was on its way meanwhile says nothing any more. */
  #ends = 0;
  #isClosed = false;
  current: Session | undefined | null = null;

  constructor(fetch: typeof globalThis.fetch) {
    this.#fetch = fetch;
    this.#channel.addEventListener('message', () => this.#end());
    document.addEventListener('visibilitychange', this.#whenVisible);
  }

  async session(): Promise<Session | undefined> {
    return this.current === null ? this.#ask() : this.current;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  login(returnTo = `${location.pathname}${location.search}${location.hash}`): void {
    location.assign(`/auth/login?return_to=${encodeURIComponent(returnTo)}`);
  }

  async logout(returnTo = '/'): Promise<void> {
    const target = ownAddress(returnTo);
    const answer = await this.#call('/auth/logout', { method: 'POST' });
    const body: { readonly logoutUrl?: string | null } = answer.status === 401 ? {} : await answer.json();
    this.#end();
    if (!this.#isClosed) {
      this.#channel.postMessage('ended');
    }
    location.assign(body.logoutUrl?.startsWith('http') === true ? body.logoutUrl : target);
  }

  async token(options: TokenOptions = {}): Promise<string | undefined> {
    const { scope, org } = checkTokenOptions(options);
    if ((await this.session()) === undefined) {
      return undefined;
    }
    const key = JSON.stringify([scope, org]);
    const held = this.#tokens.get(key);
    if (held !== undefined && seconds() < held.until) {
      return held.value;
    }
    // Kept while it is on its way: those who ask meanwhile get the same one.
    const fresh: HeldToken = {
      value: this.#exchange({ scope, org }, (until) => (fresh.until = until)),
      until: Number.POSITIVE_INFINITY,
    };
    this.#tokens.set(key, fresh);
    const forget = (): void => {
      if (this.#tokens.get(key) === fresh) {
        this.#tokens.delete(key);
      }
    };
    fresh.value.then((token) => token ?? forget(), forget);
    return fresh.value;
  }

  close(): void {
    this.#isClosed = true;
    this.#channel.close();
    document.removeEventListener('visibilitychange', this.#whenVisible);
    this.#listeners.clear();
  }

  async #exchange(
    wanted: Readonly<Record<'scope' | 'org', string | undefined>>,
    keepUntil: (until: number) => void,
  ): Promise<string | undefined> {
    const body = new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token_type: 'urn:vestibule:params:oauth:token-type:session',
    });
    for (const [name, value] of Object.entries(wanted)) {
      if (value !== undefined) {
        body.set(name, value);
      }
    }
    try {
      const answer = await this.#call('/auth/token', { method: 'POST', body });
      const granted: { readonly access_token: string; readonly expires_in: number } = await answer.json();
      keepUntil(seconds() + granted.expires_in - leastLeft);
      if (sessionOf(granted.access_token) !== this.current?.session.id) {
        // Another user has logged in, in another tab.
        await this.#ask();
      }
      return granted.access_token;
    } catch (error) {
      // The session may have ended: the endpoint says so as of any other request that can't be met.
      if (error instanceof GatewayError && error.status === 400 && (await this.#ask()) === undefined) {
        return undefined;
      }
      throw error;
    }
  }

  /** Asks for the session, once at a time. */
  #ask(): Promise<Session | undefined> {
    this.#asking ??= this.#readSession().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #readSession(): Promise<Session | undefined> {
    const ends = this.#ends;
    const answer = await this.#call('/auth/session');
    const session: Session | undefined = answer.status === 401 ? undefined : await answer.json();
    if (ends !== this.#ends) {
      return undefined;
    }
    this.#askedAt = seconds();
    this.#set(session);
    return session;
  }

  #end(): void {
    this.#ends += 1;
    this.#set(undefined);
  }

  #set(session: Session | undefined): void {
    if (session?.session.id !== this.current?.session.id) {
      // Tokens of another user, or of a session that has ended.
      this.#tokens.clear();
    }
    if (JSON.stringify(session) === JSON.stringify(this.current)) {
      return;
    }
    this.current = session;
    for (const listener of this.#listeners) {
      try {
        listener();
      } catch (error) {
        // It is the listener's own; who asked for the session gets it all the same.
        reportError(error);
      }
    }
  }

  /** @returns an answer that is a success, or 401. @throws {GatewayError} for every other. */
  async #call(path: string, init: RequestInit = {}): Promise<Response> {
    let answer;
    try {
      answer = await this.#fetch(path, {
        ...init,
        headers: { accept: 'application/json' },
        cache: 'no-store',
      });
    } catch (error) {
      throw new GatewayError(0, undefined, error);
    }
    if (answer.ok || answer.status === 401) {
      return answer;
    }
    const body: unknown = await answer.json().catch(() => undefined);
    const problem =
      typeof body === 'object' && body !== null ? { code: undefined, error: undefined, ...body } : undefined;
    throw new GatewayError(answer.status, textOf(problem?.code) ?? textOf(problem?.error));
  }
}

/** @throws {TypeError} for an option that doesn't exist: the token would be wider than was meant. */
function checkTokenOptions(options: TokenOptions): TokenOptions {
  const unknown =
    typeof options === 'object'
      ? Object.keys(options).find((name) => name !== 'scope' && name !== 'org')
      : 'text';
  if (unknown !== undefined) {
    throw new TypeError(`token() takes { scope, org }, and no ${unknown}`);
  }
  return options;
}

/** A path, or an address on this origin. @throws {TypeError} for any other: a page must not send its users wherever a parameter says. */
function ownAddress(returnTo: string): string {
  const url = new URL(returnTo, location.origin);
  if (url.origin !== location.origin) {
    throw new TypeError('returnTo must be a path on this origin');
  }
  return url.href;
}

/** The session that a token states; the gateway has just issued it. */
function sessionOf(token: string): unknown {
  const [, payload = ''] = token.split('.');
  const claims: unknown = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')));
  return typeof claims === 'object' && claims !== null && 'sid' in claims ? claims.sid : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Seconds since the epoch. */
function seconds(): number {
  return Date.now() / 1000;
}
