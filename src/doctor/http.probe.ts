import { type IncomingHttpHeaders, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { parseJson } from '../config/json.parser.js';
import { serviceAddress } from '../core/service.address.js';

/** Milliseconds that one answer may take: less than a check has, so that it can say who is silent. */
const answerLimit = 1800;
const largestBody = 1_048_576;

/** Somebody who was asked said nothing, or nothing that can be read. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
  /** Origin of who was asked. */
  readonly origin: string;

  /** @param reason system code, such as ECONNREFUSED. */
  constructor(origin: string, reason: string) {
    super(reason);
    this.origin = origin;
  }
}

/** An answer, of whatever status. */
export interface ProbeAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The body as JSON; undefined when it isn't. */
  readonly json: unknown;
}

export interface ProbeQuestion {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  /** URLSearchParams are sent as a form, else JSON. */
  readonly body?: URLSearchParams | object;
  /** Takes any certificate: another check looks at it. */
  readonly anyCertificate?: boolean;
}

/** Asks once, following no redirect and keeping no connection. @throws {NoAnswerError} */
export async function ask(address: string, question: ProbeQuestion = {}): Promise<ProbeAnswer> {
  const { url, socketPath, origin } = serviceAddress(address);
  const { body } = question;
  const isForm = body instanceof URLSearchParams;
  const text = body === undefined ? undefined : isForm ? body.toString() : JSON.stringify(body);
  const type = isForm ? 'application/x-www-form-urlencoded' : 'application/json';
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => reject(new NoAnswerError(origin, reasonOf(error)));
    const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(
      url,
      {
        method: question.method ?? 'GET',
        agent: false,
        ...(socketPath === undefined ? {} : { socketPath }),
        signal: AbortSignal.timeout(answerLimit),
        headers: {
          connection: 'close',
          ...(text === undefined
            ? {}
            : { 'content-type': type, 'content-length': String(Buffer.byteLength(text)) }),
          ...question.headers,
        },
        ...(question.anyCertificate === true ? { rejectUnauthorized: false } : {}),
      },
      (answer) => {
        let content = '';
        answer.setEncoding('utf8');
        answer.on('data', (part: string) => {
          content += part;
          if (content.length > largestBody) {
            request.destroy();
          }
        });
        answer.on('error', fail);
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, json: parseJson(content) }),
        );
      },
    );
    request.on('error', fail);
    request.end(text);
  });
}

/** System code or name of an error, never its message. */
export function reasonOf(error: unknown): string {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  if (typeof code === 'string' && /^[\w-]{1,60}$/.test(code)) {
    return code === 'ABORT_ERR' ? 'no answer in time' : code;
  }
  return error instanceof Error ? error.name : 'unknown';
}

/** A URL as it may be shown: without what could be a secret in it. */
export function shown(address: unknown): string {
  if (typeof address !== 'string' || !URL.canParse(address)) {
    return 'nothing';
  }
  const { protocol, host, pathname } = new URL(address);
  return `${protocol}//${host}${pathname}`;
}

/** Where a redirect goes, without query and fragment; undefined when it is none. */
export function redirectTarget({ headers, status }: ProbeAnswer): string | undefined {
  const { location } = headers;
  return status >= 300 && status < 400 && location !== undefined && URL.canParse(location)
    ? shown(location)
    : undefined;
}
