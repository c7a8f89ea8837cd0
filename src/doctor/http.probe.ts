import { type IncomingHttpHeaders, request as requestHttp } from 'node:http';
import { type RequestOptions, request as requestHttps } from 'node:https';
import { checkServerIdentity } from 'node:tls';
import { codeOf } from '../platform/config/error-code.js';
import { parseJson } from '../platform/config/json.parser.js';
import { serviceAddress } from '../platform/core/service-address.js';
import { connectToOf } from './connect-to-context.js';
import { ScopedValue } from './scoped-value.js';

/** Milliseconds that the running check may take in total. */
const checkLimit = new ScopedValue<number>();
/** Milliseconds that a check may take by default: long, because a service on a busy machine isn't one that is away. */
export const usualLimit = 10_000;
const largestBody = 1_048_576;

/** A service didn't answer, or its answer can't be read. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
  /** @param origin of the service. @param reason system code, such as ECONNREFUSED. */
  constructor(
    readonly origin: string,
    reason: string,
  ) {
    super(reason);
  }
}

/** A response of any status. */
export interface ProbeAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The parsed JSON body; undefined if it isn't JSON. */
  readonly json: unknown;
}

export interface ProbeQuestion {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as a form if it's URLSearchParams, otherwise as JSON. */
  readonly body?: URLSearchParams | object;
  /** Whether any TLS certificate is accepted, because another check looks at it. */
  readonly anyCertificate?: boolean;
}

/** Runs a check with a limit in milliseconds, from which each of its requests derives its own (`answerLimit`). */
export async function withLimit<T>(limit: number, check: () => Promise<T>): Promise<T> {
  return checkLimit.run(limit, check);
}

/** Milliseconds that one response may take: 90% of the check's limit, so that the check can still report it. */
export function answerLimit(): number {
  return Math.max(1, Math.round((checkLimit.get() ?? usualLimit) * 0.9));
}

/** Sends one request, without following redirects or keeping the connection. @throws {NoAnswerError} */
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
        ...connectionOf(url),
        ...(socketPath === undefined ? {} : { socketPath }),
        signal: AbortSignal.timeout(answerLimit()),
        headers: {
          connection: 'close',
          ...(connectToOf(url) === undefined ? {} : { host: url.host }),
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

/** Where to connect to instead, if anywhere; the certificate must be the URL's own all the same. */
function connectionOf(url: URL): RequestOptions {
  const connectTo = connectToOf(url);
  const name = url.hostname.replace(/^\[|\]$/g, '');
  return connectTo === undefined
    ? {}
    : { ...connectTo, checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate) };
}

/** The system code or the name of an error, never its message. */
export function reasonOf(error: unknown): string {
  const code = codeOf(error);
  if (code !== undefined && /^[\w-]{1,60}$/.test(code)) {
    return code === 'ABORT_ERR' ? 'no answer in time' : code;
  }
  return error instanceof Error ? error.name : 'unknown';
}

/** A URL without credentials, query and fragment, which could hold a secret; `nothing` if it isn't one. */
export function shown(address: unknown): string {
  if (typeof address !== 'string' || !URL.canParse(address)) {
    return 'nothing';
  }
  const { protocol, host, pathname } = new URL(address);
  return `${protocol}//${host}${pathname}`;
}

/** The target of a redirect, without query and fragment; undefined if the response isn't a redirect. */
export function redirectTarget({ headers, status }: ProbeAnswer): string | undefined {
  const { location } = headers;
  return status >= 300 && status < 400 && location !== undefined && URL.canParse(location)
    ? shown(location)
    : undefined;
}
