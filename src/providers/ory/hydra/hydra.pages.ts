import { unavailable } from '../../../platform/upstream/vendor-call.js';

/** One page of a list of Hydra's. */
export interface HydraPage<Entry, Position> {
  readonly entries: readonly Entry[];
  /** Where the next page begins; undefined on the last one. */
  readonly next: Position | undefined;
}

/**
 * Reads a list page by page. How large an entry is, the people who registered a client decide: a page that is too large to be read is
 * asked for again, with half of its entries.
 * @param atOnce entries of one page.
 * @param read reads a page from a position on, the first one from undefined on; resolves to `too_large` if it can't be read for its size.
 */
export async function* hydraPages<Entry, Position>(
  atOnce: number,
  read: (size: number, position: Position | undefined) => Promise<HydraPage<Entry, Position> | 'too_large'>,
): AsyncGenerator<readonly Entry[]> {
  let size = atOnce;
  let position: Position | undefined;
  let isLast = false;
  while (!isLast) {
    const page = await read(size, position);
    if (page !== 'too_large') {
      yield page.entries;
      position = page.next;
      isLast = position === undefined;
    } else if (size > 1) {
      size = Math.floor(size / 2);
    } else {
      throw unavailable('hydra_answer_too_large');
    }
  }
}

/** The page tokens in a `Link` header (RFC 8288), by what those pages are to this one: `next`, `first`. */
export function pageTokensIn(link: unknown): ReadonlyMap<string, string> {
  const links = String(link ?? '').matchAll(/<([^<>]*)>; *rel="(\w+)"/g);
  return new Map(
    [...links].flatMap(([, target = '', relation = '']) => {
      const token = new URLSearchParams(target.split('?')[1]).get('page_token');
      return token === null ? [] : [[relation, token] as const];
    }),
  );
}

/** A page token in the form of Hydra 2.3: how many entries come before the page. */
export function offsetToken(offset: number): string {
  return Buffer.from(`{"offset":"${offset}","v":2}`).toString('base64url');
}

/** Whether page tokens are those of Hydra 2.3. Newer versions encrypt theirs, and refuse any that they didn't make. */
export function areOffsets(tokens: ReadonlyMap<string, string>): boolean {
  return [...tokens.values()].some((token) =>
    /^\{"offset":"-?\d{1,15}","v":2\}$/.test(Buffer.from(token, 'base64url').toString()),
  );
}
