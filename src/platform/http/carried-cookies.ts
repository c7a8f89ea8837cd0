import { parseSetCookie } from 'cookie';
import { readPairs } from './cookie-reader.js';

const asItIs = (text: string): string => text;

/**
 * A browser's cookies while this process follows redirects for it: those that it sent, changed by what each answer sets. A name that the
 * browser sent twice stays so, whatever is set meanwhile: one of the two may be planted.
 */
export class CarriedCookies {
  /** In the browser's order. */
  readonly #held = new Map<string, string>();
  /** Pairs whose name occurs twice. */
  readonly #doubled: readonly { readonly name: string; readonly value: string }[];
  readonly #sent: ReadonlySet<string>;
  /** The latest line of each name that was set. */
  readonly #set = new Map<string, string>();

  /** @param header the browser's Cookie header. */
  constructor(header: string | undefined) {
    const pairs = readPairs(header);
    const names = pairs.map(({ name }) => name);
    this.#sent = new Set(names);
    this.#doubled = pairs.filter(({ name }) => names.indexOf(name) !== names.lastIndexOf(name));
    for (const { name, value } of pairs.filter((pair) => !this.#doubled.includes(pair))) {
      this.#held.set(name, value);
    }
  }

  /** The Cookie header of the next request. */
  get header(): string {
    const pairs = [...this.#doubled, ...[...this.#held].map(([name, value]) => ({ name, value }))];
    return pairs.map(({ name, value }) => `${name}=${value}`).join('; ');
  }

  /** The Set-Cookie lines for the browser. What was set and deleted since isn't among them, unless the browser has another of that name. */
  get lines(): string[] {
    return [...this.#set].flatMap(([name, line]) =>
      isDeletion(line) && !this.#sent.has(name) ? [] : [line],
    );
  }

  /** Takes an answer's Set-Cookie lines. */
  take(lines: readonly string[]): void {
    for (const line of lines) {
      const { name, value = '' } = parseSetCookie(line, { decode: asItIs });
      this.#set.delete(name);
      this.#set.set(name, line);
      if (isDeletion(line)) {
        this.#held.delete(name);
      } else if (!this.#doubled.some((pair) => pair.name === name)) {
        this.#held.set(name, value);
      }
    }
  }
}

function isDeletion(line: string): boolean {
  const { maxAge, expires } = parseSetCookie(line, { decode: asItIs });
  return maxAge === undefined ? expires !== undefined && expires.getTime() <= Date.now() : maxAge <= 0;
}
