import { parseSetCookie, stringifySetCookie } from 'cookie';
import { readPairs } from './cookie.reader.js';
import { isOwnCookie } from './cookie.writer.js';

const hostPrefix = '__Host-';
const asItIs = (text: string): string => text;

/**
 * The cookies of Kratos and Hydra on their way through the gateway. Under https browsers have each of them with the prefix `__Host-`,
 * which no sibling host and no path can plant (RFC 6265bis section 4.1.3.2), and what comes without it reaches neither. Kratos and Hydra
 * can't do that themselves: some of their names are fixed.
 */
export class UpstreamCookies {
  readonly #prefix: string;

  /** @param publicUrl origin of the deployment. */
  constructor(publicUrl: string) {
    this.#prefix = publicUrl.startsWith('https:') ? hostPrefix : '';
  }

  /** What a browser calls a cookie. @param name the upstream's own for it. */
  browserName(name: string): string {
    return this.#prefix + name;
  }

  /**
   * The Cookie header for an upstream: no cookie of ours, and none that is there twice, because one of the two may be planted.
   * @returns undefined when nothing is left.
   */
  toUpstream(header: string | undefined): string | undefined {
    const pairs = readPairs(header).filter(
      ({ name }) => name.startsWith(this.#prefix) && name !== this.#prefix && !isOwnCookie(name),
    );
    const names = pairs.map(({ name }) => name);
    const single = pairs.filter(({ name }) => names.indexOf(name) === names.lastIndexOf(name));
    return single.length === 0
      ? undefined
      : single.map(({ name, value }) => `${name.slice(this.#prefix.length)}=${value}`).join('; ');
  }

  /** A Set-Cookie line of an upstream, for the browser: under https Secure, for this host alone and all of its paths. */
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
