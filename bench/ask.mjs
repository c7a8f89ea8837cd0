// One request as the load generator sends it: with any Host header, which fetch doesn't allow, and without following a redirect.
import { once } from 'node:events';
import { get } from 'node:http';
import { text } from 'node:stream/consumers';

/** @returns status, headers by name in lower case, and the body's text. */
export async function ask(url, headers = {}) {
  const [response] = await once(get(url, { headers, agent: false }), 'response');
  return { status: response.statusCode, headers: response.headers, text: await text(response) };
}
