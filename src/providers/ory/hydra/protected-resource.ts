/** A resource for which tokens are issued: an MCP server or another API (RFC 9728). */
export interface ProtectedResource {
  /** Its resource identifier, and the audience of its tokens: an URL without a slash at its end, unless its path has one. */
  readonly resource: string;
  /** As the consent page calls it. */
  readonly name: string;
  /** Each of its scopes, and what it permits, in plain words. */
  readonly scopes: ReadonlyMap<string, string>;
}

/**
 * A resource identifier in the one spelling that is compared: an empty path and `/` are the same (RFC 3986 section 6.2.3).
 * @returns undefined for what can't be one (RFC 8707 section 2): no absolute http(s) URL, or one with a fragment.
 */
export function resourceOf(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isUsable =
    url !== undefined &&
    /^https?:$/.test(url.protocol) &&
    url.username === '' &&
    url.password === '' &&
    !text.includes('#') &&
    !/[\s\\]/.test(text);
  return isUsable ? `${url.origin}${url.pathname === '/' ? '' : url.pathname}${url.search}` : undefined;
}
