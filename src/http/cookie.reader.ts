const nameValue = /^[ \t]*([^=]*?)[ \t]*=[ \t]*(.*?)[ \t]*$/s;

/**
 * All values that a Cookie header gives for one exact name, in order (RFC 6265 section 5.4).
 *
 * Only space and tab are trimmed: trimming Unicode blanks would let a planted `<U+00A0>__Host-…` pass for
 * `__Host-…`. Nameless cookies (`=__Host-…`) have the name ''. A browser that holds two cookies of one name
 * sends both, in an order that whoever planted one can choose: the caller decides what two mean.
 */
export function readCookies(header: string | undefined, name: string): string[] {
  if (header === undefined || !header.includes(name)) {
    return [];
  }
  return header.split(';').flatMap((pair) => {
    const match = nameValue.exec(pair);
    return match?.[1] === name && match[2] !== undefined ? [match[2].replace(/^"(.*)"$/, '$1')] : [];
  });
}

/** The value of a cookie that is there exactly once, else undefined: of two, one may be planted. */
export function readSingleCookie(header: string | undefined, name: string): string | undefined {
  const values = readCookies(header, name);
  return values.length === 1 ? values[0] : undefined;
}

/** Names of the cookies in the header that start with this prefix. */
export function cookieNames(header: string | undefined, prefix: string): string[] {
  return (header ?? '').split(';').flatMap((pair) => {
    const name = nameValue.exec(pair)?.[1];
    return name?.startsWith(prefix) === true ? [name] : [];
  });
}
