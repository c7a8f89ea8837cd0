// A browser without pages: it follows redirects and keeps cookies.
import { CookieJar } from 'tough-cookie';

const longestWay = 15;

export function openBrowser() {
  const jar = new CookieJar(undefined, { rejectPublicSuffixes: false });
  const send = async (url, options = {}) => {
    const response = await fetch(url, {
      ...options,
      redirect: 'manual',
      headers: { ...options.headers, cookie: await jar.getCookieString(url) },
    });
    for (const line of response.headers.getSetCookie()) {
      await jar.setCookie(line, url, { ignoreError: true });
    }
    return response;
  };
  return {
    send,
    /** The Cookie header for a URL. */
    cookies: (url) => jar.getCookieString(url),
    /**
     * Follows redirects to the end, or until `stopAt` is where one leads.
     * @param first of the first request, for example a form that is sent.
     * @returns the last URL and answer.
     */
    async follow(start, stopAt = () => false, first = {}) {
      let url = start;
      for (let step = 0; step < longestWay; step += 1) {
        const response = await send(url, step === 0 ? first : {});
        const location = response.headers.get('location');
        if (location === null) {
          return { url, response };
        }
        await response.arrayBuffer();
        url = new URL(location, url).href;
        if (stopAt(url)) {
          return { url, response };
        }
      }
      throw new Error(`more than ${longestWay} redirects from ${start}`);
    },
  };
}
