import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import { problemBody } from './problem-body.js';
import { headerText } from '../hot-path/secure-response.js';
import { bareSecurityHeaders } from './security-headers.js';

/** Statuses for errors that are known more exactly, by the code of Node's error. */
const statusByCode: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  HPE_HEADER_OVERFLOW: 431,
};

/**
 * Answers bytes that aren't an HTTP request, and so have no route, reply or hook. The answer is written by hand, in the form of
 * every other problem. The connection is then closed, because the start of its next request is unknown.
 */
export function answerUnreadable(error: Error, socket: Socket, log: Logger): void {
  const code = String(Reflect.get(error, 'code'));
  if (code === 'ECONNRESET' || socket.destroyed) {
    return;
  }
  const status = statusByCode[code] ?? 400;
  const requestId = randomUUID();
  log.info(
    { reqId: requestId, code: 'malformed_request', reason: 'http_unreadable', status },
    'no HTTP request',
  );
  if (socket.writable && !hasBegunToAnswer(socket)) {
    const body = problemBody('malformed_request', requestId, { status });
    const headers = {
      ...bareSecurityHeaders,
      'cache-control': 'no-store',
      'content-type': 'application/problem+json; charset=utf-8',
      'content-length': Buffer.byteLength(body),
      connection: 'close',
    };
    socket.write(
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${headerText(Object.entries(headers))}\r\n${body}`,
    );
  }
  socket.destroy(error);
}

/** Whether an answer is already on its way to a request whose body turned out to be broken: a second one must not follow it. */
function hasBegunToAnswer(socket: Socket): boolean {
  const answer: unknown = Reflect.get(socket, '_httpMessage');
  return typeof answer === 'object' && answer !== null && Reflect.get(answer, 'headersSent') === true;
}
