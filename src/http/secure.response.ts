import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';

/** Responses by their constructor, as `http.createServer` takes it. */
export type SecureResponseClass = typeof ServerResponse & {
  /** What they carry, by names in lower case. */
  readonly fields: Readonly<Record<string, string>>;
};

/**
 * Responses that carry these header fields, but for those that an answer says itself. They are written as one text, made once: Node
 * looks at each name and value of each answer otherwise, which is a tenth of an unguarded request (docs/adr/0019).
 *
 * It rests on `_storeHeader`, by which Node writes every response's head and which is no public API.
 * @param fields by their names in lower case.
 * @throws {TypeError} when this Node writes heads in another way: nothing is to be answered without these fields.
 */
export function secureResponse(fields: Readonly<Record<string, string>>): SecureResponseClass {
  const entries = Object.entries(fields);
  const names = new Set(Object.keys(fields));
  const all = headerText(entries);
  const storeHeader = storeHeaderOfNode();

  class SecureResponse<Request extends IncomingMessage> extends ServerResponse<Request> {
    static readonly fields = fields;

    /** @param own what was set before or is given to `writeHead`, in any of its forms. */
    _storeHeader(statusLine: string, own: unknown): void {
      const said = namesOf(own);
      const lines = said.some((name) => names.has(name.toLowerCase())) ? linesBut(said) : all;
      Reflect.apply(storeHeader, this, [statusLine + lines, own]);
    }
  }

  function linesBut(said: readonly string[]): string {
    const others = new Set(said.map((name) => name.toLowerCase()));
    return headerText(entries.filter(([name]) => !others.has(name)));
  }

  const probe = new SecureResponse(new IncomingMessage(new Socket())).writeHead(204);
  if (!String(Reflect.get(probe, '_header')).includes(all)) {
    throw new TypeError('this Node writes heads in another way');
  }
  return SecureResponse;
}

function storeHeaderOfNode(): (statusLine: string, own: unknown) => unknown {
  const found: unknown = Reflect.get(ServerResponse.prototype, '_storeHeader');
  if (!isFunction(found)) {
    throw new TypeError('this Node has no _storeHeader');
  }
  return found;
}

function isFunction(value: unknown): value is (statusLine: string, own: unknown) => unknown {
  return typeof value === 'function';
}

/** Header fields as a head has them. */
export function headerText(entries: readonly (readonly [string, string | number])[]): string {
  return entries.map(([name, value]) => `${name}: ${value}\r\n`).join('');
}

/** `writeHead` takes an object, pairs, or names and values in turn. */
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
