/** The target if there is no better one. */
const fallback = '/';
const maximumLength = 2048;
/** Paths of this gateway that would start another login, or end the session, if a login returned to them. */
const loops = /^\/(?:auth\/(?:login|signup|logout|callback)|ui\/(?:login|registration))(?:[/?#]|$)/;

/**
 * A `return_to` parameter → a path on this origin that is safe to redirect to, else `/`.
 *
 * Only a path is accepted: one slash first, no backslash, no control character or blank. The same must hold however often it's
 * percent-decoded on its way (OWASP: Unvalidated Redirects).
 * @param origin that the path belongs to, without a trailing slash.
 * @param avoided paths of that origin that lead nowhere.
 */
export function safeReturnTo(value: unknown, origin: string, avoided = loops): string {
  if (typeof value !== 'string' || value.length > maximumLength) {
    return fallback;
  }
  let text = value;
  for (let round = 0; round < 5; round += 1) {
    if (!isPath(text, origin)) {
      return fallback;
    }
    const decoded = decode(text);
    if (decoded === undefined) {
      return fallback;
    }
    if (decoded === text) {
      const { pathname, search, hash } = new URL(value, origin);
      return avoided.test(new URL(text, origin).pathname) ? fallback : pathname + search + hash;
    }
    text = decoded;
  }
  return fallback;
}

function isPath(text: string, origin: string): boolean {
  const path = text.split(/[?#]/, 1)[0] ?? '';
  if (!path.startsWith('/') || /^\/[/\\]/.test(path) || /[\\@]|\/\//.test(path) || hasControl(text)) {
    return false;
  }
  const base = `${origin}/`;
  return URL.canParse(text, base) && new URL(text, base).origin === origin;
}

/** Whether a text has control characters or blanks of any kind, in ASCII and beyond. */
function hasControl(text: string): boolean {
  return /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u00A0\u3000]/u.test(text);
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
