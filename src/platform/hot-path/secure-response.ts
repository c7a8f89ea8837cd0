import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';

/** A class of responses, as `http.createServer` takes it. */
export type SecureResponseClass = typeof ServerResponse & {
  /** The header fields that they carry, by names in lower case. */
  readonly fields: Readonly<Record<string, string>>;
};

/**
 * Makes a class of responses that carry these header fields, except for those that an answer sets itself.
 *
 * Writing them as one text, made once, exists only for speed: otherwise, Node checks each name and value of each answer. It
 * relies on `_storeHeader`, by which Node writes the head of every response and which isn't a public API. A Node that works
 * differently gets ordinary headers.
 *
 * Measured on a bare Fastify: 18.6 instead of 22.0 µs of processor time per request; 17.9 without the fields. In the gateway,
 * that's a tenth of an unguarded request (docs/adr/0019). The ADR names no Node version for these figures; docs/internals/performance.md
 * measures the gateway, this included, with Node 20.20.2 and 24.21.0.
 * @param fields by their names in lower case.
 */
export function secureResponse(fields: Readonly<Record<string, string>>): SecureResponseClass {
  return textResponse(fields) ?? headerResponse(fields);
}

/** Makes a class of responses that set each field by the public API. */
function headerResponse(fields: Readonly<Record<string, string>>): SecureResponseClass {
  return class<Request extends IncomingMessage> extends ServerResponse<Request> {
    static readonly fields = fields;

    constructor(...args: ConstructorParameters<typeof ServerResponse<Request>>) {
      super(...args);
      for (const [name, value] of Object.entries(fields)) {
        this.setHeader(name, value);
      }
    }
  };
}

/** Makes a class of responses that write the fields as one text; undefined if this Node writes heads in another way. */
function textResponse(fields: Readonly<Record<string, string>>): SecureResponseClass | undefined {
  const entries = Object.entries(fields);
  const names = new Set(Object.keys(fields));
  const all = headerText(entries);
  const storeHeader: unknown = Reflect.get(ServerResponse.prototype, '_storeHeader');
  if (!isFunction(storeHeader)) {
    return undefined;
  }
  const store = storeHeader;

  class SecureResponse<Request extends IncomingMessage> extends ServerResponse<Request> {
    static readonly fields = fields;

    /** @param own fields that were set before or are passed to `writeHead`, in any of its forms. */
    _storeHeader(statusLine: string, own: unknown): void {
      const said = namesOf(own);
      const lines = said.some((name) => names.has(name.toLowerCase())) ? linesBut(said) : all;
      Reflect.apply(store, this, [statusLine + lines, own]);
    }
  }

  function linesBut(said: readonly string[]): string {
    const others = new Set(said.map((name) => name.toLowerCase()));
    return headerText(entries.filter(([name]) => !others.has(name)));
  }

  const probe = new SecureResponse(new IncomingMessage(new Socket())).writeHead(204);
  return String(Reflect.get(probe, '_header')).includes(all) ? SecureResponse : undefined;
}

function isFunction(value: unknown): value is (statusLine: string, own: unknown) => unknown {
  return typeof value === 'function';
}

/** Header fields in the form of a response's head. */
export function headerText(entries: readonly (readonly [string, string | number])[]): string {
  return entries.map(([name, value]) => `${name}: ${value}\r\n`).join('');
}

/** The names in headers, in any form that `writeHead` accepts: an object, pairs, or names and values in turn. */
function namesOf(headers: unknown): readonly string[] {
  if (!Array.isArray(headers)) {
    return Object.keys(headers ?? {});
  }
  return (
    Array.isArray(headers[0])
      ? headers.map(([name]) => name)
      : headers.filter((_value, index) => index % 2 === 0)
  ).map(String);
}
