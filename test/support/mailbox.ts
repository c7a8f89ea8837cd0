import { z } from 'zod';
import type { Stack } from './stack.js';
import { waitUntil } from './stack.js';

const foundSchema = z.looseObject({ messages: z.array(z.looseObject({ ID: z.string() })) });
const messageSchema = z.looseObject({
  From: z.looseObject({ Name: z.string(), Address: z.string() }),
  Subject: z.string(),
  Text: z.string(),
  HTML: z.string(),
});

/** A mail as its reader sees it. */
export interface Mail {
  /** The sender's name. */
  readonly from: string;
  /** The sender's address. */
  readonly sender: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** The six digits in it. */
  readonly code: string;
  /** The address in it, if there is one. */
  readonly link: string | undefined;
}

/** Reads a stack's mail at Mailpit's API; each mail once. */
export class Mailbox {
  readonly #url: string;
  readonly #read = new Set<string>();

  constructor({ ory }: { readonly ory: Pick<Stack['ory'], 'mailboxUrl'> }) {
    this.#url = ory.mailboxUrl ?? '';
  }

  /** Waits for the next mail to this address whose subject matches. */
  async next(address: string, subject: RegExp): Promise<Mail> {
    let mail: Mail | undefined;
    await waitUntil(async () => {
      mail = await this.#find(address, subject);
      return mail !== undefined;
    }, `a mail to ${address}`);
    if (mail === undefined) {
      throw new ReferenceError('the wait ended without a mail');
    }
    return mail;
  }

  async #find(address: string, subject: RegExp): Promise<Mail | undefined> {
    const query = new URLSearchParams({ query: `to:"${address}"` });
    const { messages } = foundSchema.parse(await this.#get(`search?${query}`));
    for (const { ID } of messages.filter((message) => !this.#read.has(message.ID))) {
      const { From, Subject, Text, HTML } = messageSchema.parse(await this.#get(`message/${ID}`));
      if (subject.test(Subject)) {
        this.#read.add(ID);
        return {
          from: From.Name,
          sender: From.Address,
          subject: Subject,
          text: Text,
          html: HTML,
          code: /\b\d{6}\b/.exec(Text)?.[0] ?? '',
          link: /https?:\/\/\S+/.exec(Text)?.[0],
        };
      }
    }
    return undefined;
  }

  async #get(path: string): Promise<unknown> {
    const answer = await fetch(`${this.#url}/api/v1/${path}`);
    return answer.json();
  }
}
