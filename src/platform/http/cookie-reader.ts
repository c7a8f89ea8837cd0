/**
 * All values that a Cookie header has for one exact name, in order (RFC 6265 section 5.4).
 *
 * Only space and tab are trimmed: trimming Unicode blanks would let a planted `<U+00A0>__Host-…` pass for `__Host-…`. Nameless
 * cookies (`=__Host-…`) have the name ''. A browser that holds two cookies of one name sends both, in an order that an attacker who
 * planted one can choose: the caller decides what two mean.
 */
export function readCookies(header: string | undefined, name: string): string[] {
  if (header === undefined || !header.includes(name)) {
    return [];
  }
  const values: string[] = [];
  let start = 0;
  while (start <= header.length) {
    const next = header.indexOf(';', start);
    const end = next === -1 ? header.length : next;
    const cookie = split(header.slice(start, end));
    if (cookie?.name === name) {
      values.push(unquoted(cookie.value));
    }
    start = end + 1;
  }
  return values;
}

/** The value of a cookie that occurs exactly once, else undefined: of two, one may be planted. */
export function readSingleCookie(header: string | undefined, name: string): string | undefined {
  const values = readCookies(header, name);
  return values.length === 1 ? values[0] : undefined;
}

/** Cookies that one answer deletes at most: proxies have 4 kB for the headers of an answer. */
const mostDeleted = 20;
/** Characters of the longest name that is deleted. */
const longestDeleted = 64;
/** Characters that every server reads alike (RFC 6265 section 4.1.1). Scripts can set any other, and Go trims some around a name. */
const cookieName = /^[\w!#$%&'*+.^`|~-]+$/;

/** Whether a cookie's name has the characters that RFC 6265 allows, and no others. */
export function isCookieName(name: string): boolean {
  return cookieName.test(name);
}

/** Names of the cookies in the header that start with this prefix. */
export function cookieNames(header: string | undefined, prefix: string): string[] {
  return readPairs(header)
    .map(({ name }) => name)
    .filter((name) => name.startsWith(prefix));
}

/**
 * The names of cookies to delete, of those that are kept for one attempt each: the oldest, beyond those that stay. Those that one answer
 * has no room for are left to the next.
 * @param names oldest first, as browsers send them (RFC 6265 section 5.4).
 * @param kept how many stay, at least 1.
 */
export function surplusOf(names: readonly string[], kept: number): string[] {
  return names
    .slice(0, -kept)
    .filter((name) => name.length <= longestDeleted && isCookieName(name))
    .slice(0, mostDeleted);
}

/** Every cookie of the header, in order, values as they are. */
export function readPairs(header: string | undefined): { readonly name: string; readonly value: string }[] {
  return (header ?? '').split(';').flatMap((pair) => split(pair) ?? []);
}

/** Names that occur more than once: of two, one may be planted. */
export function repeatedNames(pairs: readonly { readonly name: string }[]): ReadonlySet<string> {
  const once = new Set<string>();
  const repeated = new Set<string>();
  for (const { name } of pairs) {
    (once.has(name) ? repeated : once).add(name);
  }
  return repeated;
}

/**
 * The Cookie header of a client that has received these Set-Cookie headers; only names and values count. A new cookie replaces
 * every cookie of that name.
 */
export function mergeCookies(header: string | undefined, set: readonly string[]): string {
  const pairs = set.map((cookie) => cookie.split(';', 1)[0] ?? '');
  const names = new Set(pairs.map((pair) => split(pair)?.name));
  const kept = (header ?? '')
    .split(';')
    .filter((pair) => pair.trim() !== '' && !names.has(split(pair)?.name));
  return [...kept.map(trimBlanks), ...pairs.filter((pair) => split(pair)?.value !== '')].join('; ');
}

/** Splits a pair into name and value. It uses no pattern: a pattern would take cubic time for a run of blanks. */
function split(pair: string): { name: string; value: string } | undefined {
  const index = pair.indexOf('=');
  return index === -1
    ? undefined
    : { name: trimBlanks(pair.slice(0, index)), value: trimBlanks(pair.slice(index + 1)) };
}

function unquoted(value: string): string {
  return value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
}

function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) {
    start += 1;
  }
  while (end > start && isBlank(text.charCodeAt(end - 1))) {
    end -= 1;
  }
  return text.slice(start, end);
}

/** Whether a character is a space or a tab. */
function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
