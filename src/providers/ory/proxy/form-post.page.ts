import type { FastifyRequest } from 'fastify';

/** An answer to an application, for the browser to post there (OAuth 2.0 Form Post Response Mode section 2). */
export interface FormPost {
  /** The application's redirect URI. */
  readonly action: string;
  /** Name and value of each field. */
  readonly fields: readonly (readonly [string, string])[];
}

/** Port: renders the page that posts an answer to an application. The pages implement it. */
export abstract class FormPostPage {
  /** Renders the page. @returns a whole HTML document. It has no script of its own. */
  abstract render(post: FormPost, request: FastifyRequest): string;
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', nbsp: '\u00A0' };

/** Reads the form of Hydra's page. @returns undefined if the page is another one. */
export function formPostIn(html: string): FormPost | undefined {
  const action = /<form\b[^>]*?\saction="([^"]*)"/.exec(html)?.[1];
  const fields = [...html.matchAll(/<input\b[^>]*?\sname="([^"]*)"\s+value="([^"]*)"/g)];
  const url = action === undefined ? '' : decoded(action);
  return fields.length > 0 && URL.canParse(url)
    ? { action: url, fields: fields.map(([, name = '', value = '']) => [decoded(name), decoded(value)]) }
    : undefined;
}

/** An attribute's value without its character references; Go's templates write these. */
function decoded(attribute: string): string {
  return attribute.replace(
    /&(?:#(\d{1,7})|#x([\da-f]{1,6})|([a-z]{2,4}));/gi,
    (whole, decimal, hex, name) => {
      if (typeof name === 'string') {
        return entities[name] ?? whole;
      }
      const code = typeof decimal === 'string' ? Number(decimal) : Number.parseInt(hex, 16);
      return code > 0x10_ffff ? whole : String.fromCodePoint(code);
    },
  );
}
