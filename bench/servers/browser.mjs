// A browser without pages: it follows redirects and keeps cookies.
import { setTimeout as pause } from 'node:timers/promises';
import { CookieJar } from 'tough-cookie';
import { request } from 'undici';

const longestWay = 15;
/** What browsers say of a page load (Fetch Metadata). */
const pageLoad = { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };

/**
 * @param roundTrip milliseconds that a request and its answer are under way besides, as on a long line.
 * @param onTrip is called with each request.
 */
export function openBrowser({ roundTrip = 0, onTrip = () => undefined } = {}) {
  const jar = new CookieJar(undefined, { rejectPublicSuffixes: false });
  // Not `fetch`, which says of itself that it loads no pages.
  const send = async (url, { method = 'GET', headers, body } = {}) => {
    onTrip();
    if (roundTrip > 0) {
      await pause(roundTrip);
    }
    const isForm = body instanceof URLSearchParams;
    const answer = await request(url, {
      method,
      headers: {
        ...(isForm ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
        ...headers,
        cookie: await jar.getCookieString(url),
      },
      body: isForm ? body.toString() : body,
    });
    const bytes = await answer.body.arrayBuffer();
    const response = new Response(bytes.byteLength === 0 ? null : bytes, {
      status: answer.statusCode,
      headers: Object.entries(answer.headers).flatMap(([name, values]) =>
        [values].flat().map((value) => [name, value]),
      ),
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
     * Loads a page: follows redirects to the end, or until `stopAt` is where one leads.
     * @param first of the first request, for example a form of this site that is sent.
     * @returns the last URL and answer.
     */
    async follow(start, stopAt = () => false, first = {}) {
      let url = start;
      for (let step = 0; step < longestWay; step += 1) {
        const options = step === 0 ? first : {};
        const site = options.method === 'POST' ? 'same-origin' : 'none';
        const response = await send(url, {
          ...options,
          headers: { ...pageLoad, 'sec-fetch-site': site, ...options.headers },
        });
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
