import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Answers instead of the real server. @returns false to let the request through after all. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>;

/** Stands in front of a vendor's API: passes everything through until it's told to answer by itself. */
export class StandIn {
  readonly #target: string;
  readonly #server: Server;
  #answer: Answer = () => false;
  #replacement: Answer = () => false;

  constructor(target: string) {
    this.#target = target;
    this.#server = createServer((request, response) => {
      void this.#deal(request, response);
    });
  }

  /** @returns its own URL. */
  async start(): Promise<string> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, '127.0.0.1', resolve);
    });
    const address: AddressInfo | string | null = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  }

  /** From now on answers with this; undefined passes everything through again. */
  say(answer: Answer | undefined): void {
    this.#answer = answer ?? (() => false);
  }

  /** From now on, what the real server has dealt with is answered with this; undefined passes its answers through again. */
  replace(answer: Answer | undefined): void {
    this.#replacement = answer ?? (() => false);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  async #deal(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!(await this.#answer(request, response))) {
      await this.#passOn(request, response);
    }
  }

  async #passOn(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) {
      chunks.push(Buffer.from(chunk));
    }
    // `fetch` states the length itself.
    const { host: _host, connection: _connection, 'content-length': _length, ...headers } = request.headers;
    const answer = await fetch(`${this.#target}${request.url}`, {
      method: request.method ?? 'GET',
      headers: Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]),
      redirect: 'manual',
      ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks) }),
    });
    if (await this.#replacement(request, response)) {
      return;
    }
    response.statusCode = answer.status;
    response.setHeader('set-cookie', answer.headers.getSetCookie());
    const location = answer.headers.get('location');
    if (location !== null) {
      response.setHeader('location', location);
    }
    response.setHeader('content-type', answer.headers.get('content-type') ?? 'application/json');
    response.end(Buffer.from(await answer.arrayBuffer()));
  }
}
