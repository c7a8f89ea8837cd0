import { parseSetCookie, stringifySetCookie } from 'cookie';
import { isCookieName, readPairs, repeatedNames } from './cookie-reader.js';
import { isOwnCookie } from './cookie-writer.js';

const hostPrefix = '__Host-';
const asItIs = (text: string): string => text;

/**
 * Translates the cookies of Kratos and Hydra on their way through the gateway. Under https, browsers hold each with the prefix
 * `__Host-`, which no sibling host and no path can plant (RFC 6265bis section 4.1.3.2), and a cookie without it reaches neither.
 * Kratos and Hydra can't do that themselves: some of their names are fixed.
 */
export class UpstreamCookies {
  readonly #prefix: string;

  /** @param publicUrl origin of the deployment. */
  constructor(publicUrl: string) {
    this.#prefix = publicUrl.startsWith('https:') ? hostPrefix : '';
  }

  /** The browser's name of a cookie. @param name the upstream's own name. */
  browserName(name: string): string {
    return this.#prefix + name;
  }

  /**
   * The Cookie header for an upstream: no cookie of ours, none whose name isn't a token, and none that occurs twice, because one of the two
   * may be planted.
   * @returns undefined when nothing is left.
   */
  toUpstream(header: string | undefined): string | undefined {
    const pairs = readPairs(header).filter(
      ({ name }) =>
        name.startsWith(this.#prefix) && isCookieName(name.slice(this.#prefix.length)) && !isOwnCookie(name),
    );
    const repeated = repeatedNames(pairs);
    const single = pairs.filter(({ name }) => !repeated.has(name));
    return single.length === 0
      ? undefined
      : single.map(({ name, value }) => `${name.slice(this.#prefix.length)}=${value}`).join('; ');
  }

  /** An upstream's Set-Cookie line for the browser: under https Secure, for this host alone and all of its paths. */
  toBrowser(line: string): string {
    if (this.#prefix === '') {
      return line;
    }
    const { domain: _anyHost, ...cookie } = parseSetCookie(line, { decode: asItIs });
    const { name } = cookie;
    return stringifySetCookie(
      { ...cookie, name: name.startsWith(hostPrefix) ? name : hostPrefix + name, path: '/', secure: true },
      { encode: asItIs },
    );
  }
}
