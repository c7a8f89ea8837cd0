import { type IncomingMessage, type ServerResponse, request } from 'node:http';
import { buffer, text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { parseJson } from '../platform/config/json.parser.js';

const limitMs = 10_000;
/** Headers that apply to one connection (RFC 9110 section 7.6.1). `Transfer-Encoding` stays: Node needs it to end a body. */
const connectionHeaders = new Set(['connection', 'keep-alive', 'upgrade', 'te', 'trailer']);

const addressSchema = z.looseObject({ Name: z.string(), Address: z.string() });
const addresses = z.array(addressSchema).nullable().default([]);
const summarySchema = z.looseObject({
  ID: z.string(),
  To: addresses,
  Subject: z.string(),
  Created: z.string(),
  Snippet: z.string(),
});
const listSchema = z.looseObject({ messages: z.array(summarySchema) });
const mailSchema = z.looseObject({
  ID: z.string(),
  From: addressSchema.nullable().default(null),
  To: addresses,
  Subject: z.string(),
  Date: z.string(),
  Text: z.string(),
  HTML: z.string(),
});

/** A name and an address in a mail; either may be empty. */
export type MailAddress = z.infer<typeof addressSchema>;
/** A mail in the list. */
export type MailSummary = z.infer<typeof summarySchema>;
/** A whole mail. */
export type ReceivedMail = z.infer<typeof mailSchema>;

/** Client of Mailpit's API on its Unix socket. */
export class MailpitClient {
  constructor(private readonly socketPath: string) {}

  /** Lists Mailpit's mails, newest first, at most 500. @throws if it doesn't answer. */
  async list(): Promise<readonly MailSummary[]> {
    return listSchema.parse(await this.#get('messages?limit=500')).messages;
  }

  /** Fetches a mail. @returns undefined if Mailpit doesn't have it. @throws if it doesn't answer. */
  async find(id: string): Promise<ReceivedMail | undefined> {
    const found = await this.#get(`message/${id}`);
    return found === undefined ? undefined : mailSchema.parse(found);
  }

  /** Forwards a request unchanged, including Host and Origin, which Mailpit checks too, and sends back the response. */
  async pass(incoming: IncomingMessage, path: string, outgoing: ServerResponse): Promise<void> {
    // Mailpit may answer and close before it has read the whole request, so head and body go in one write.
    const body = await buffer(incoming);
    const answer = await this.#ask(path, incoming.method ?? 'GET', endToEnd(incoming.headers), body);
    outgoing.writeHead(answer.statusCode ?? 502, endToEnd(answer.headers));
    await pipeline(answer, outgoing);
  }

  async #get(path: string): Promise<unknown> {
    const answer = await this.#ask(`/api/v1/${path}`, 'GET', { host: 'localhost' });
    const body = await text(answer);
    if (answer.statusCode === 404) {
      return undefined;
    }
    return parseJson(body);
  }

  #ask(
    path: string,
    method: string,
    headers: NodeJS.Dict<string | string[]>,
    body?: Buffer,
  ): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const place = { socketPath: this.socketPath, path, method, headers };
      const outgoing = request({ ...place, agent: false, timeout: limitMs }, resolve);
      outgoing.on('timeout', () => outgoing.destroy(new Error('Mailpit does not answer')));
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }
}

function endToEnd(headers: NodeJS.Dict<string | string[]>): NodeJS.Dict<string | string[]> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !connectionHeaders.has(name)));
}
