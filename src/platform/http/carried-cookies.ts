import { parseSetCookie, stringifySetCookie } from 'cookie';
import { readPairs, repeatedNames } from './cookie-reader.js';

const asItIs = (text: string): string => text;

/**
 * A browser's cookies while this process follows redirects for it: those that it sent, changed by what each answer sets. A name that the
 * browser sent twice stays so, whatever is set meanwhile: one of the two may be planted.
 */
export class CarriedCookies {
  /** In the browser's order. */
  readonly #held = new Map<string, string>();
  /** Pairs whose name occurs twice, and these names. */
  readonly #doubled: readonly { readonly name: string; readonly value: string }[];
  readonly #repeated: ReadonlySet<string>;
  readonly #sent: ReadonlySet<string>;
  /** The latest line of each name that was set. */
  readonly #set = new Map<string, string>();

  /** @param header the browser's Cookie header. */
  constructor(header: string | undefined) {
    const pairs = readPairs(header);
    this.#sent = new Set(pairs.map(({ name }) => name));
    this.#repeated = repeatedNames(pairs);
    this.#doubled = pairs.filter(({ name }) => this.#repeated.has(name));
    for (const { name, value } of pairs.filter((pair) => !this.#repeated.has(pair.name))) {
      this.#held.set(name, value);
    }
  }

  /** The Cookie header of the next request. */
  get header(): string {
    const pairs = [...this.#doubled, ...[...this.#held].map(([name, value]) => ({ name, value }))];
    return pairs.map(({ name, value }) => `${name}=${value}`).join('; ');
  }

  /**
   * The Set-Cookie lines for the browser. What was set and deleted since isn't among them, unless the browser has another of that name.
   * @param room characters for all lines. Of deletions, the latest go first; those without room are left to a later answer.
   */
  linesWithin(room: number): string[] {
    const lines = [...this.#set].filter(([name, line]) => !isDeletion(line) || this.#sent.has(name));
    const kept = lines.filter(([, line]) => !isDeletion(line)).map(([, line]) => line);
    let left = room - kept.join('').length;
    const deleted = lines
      .filter(([, line]) => isDeletion(line))
      .map(([, line]) => shortDeletion(line))
      .toReversed()
      .filter((line) => {
        left -= line.length;
        return left >= 0;
      });
    return [...kept, ...deleted];
  }

  /** Takes an answer's Set-Cookie lines. */
  take(lines: readonly string[]): void {
    for (const line of lines) {
      const { name, value = '' } = parseSetCookie(line, { decode: asItIs });
      this.#set.delete(name);
      this.#set.set(name, line);
      if (isDeletion(line)) {
        this.#held.delete(name);
      } else if (!this.#repeated.has(name)) {
        this.#held.set(name, value);
      }
    }
  }
}

/** A deletion that states its time once. */
function shortDeletion(line: string): string {
  const { expires: _expires, ...cookie } = parseSetCookie(line, { decode: asItIs });
  return stringifySetCookie({ ...cookie, value: '', maxAge: 0 });
}

function isDeletion(line: string): boolean {
  const { maxAge, expires } = parseSetCookie(line, { decode: asItIs });
  return maxAge === undefined ? expires !== undefined && expires.getTime() <= Date.now() : maxAge <= 0;
}
