import { tmpdir } from 'node:os';
import { z } from 'zod';
import { ownFeatures } from '../../src/app/features.js';
import { problemsWith } from '../../src/platform/errors/problem.catalogue.js';
import type { FuzzWorld } from './fuzz.world.js';
import type { FuzzCase, FuzzRoute } from './route.cases.js';
import type { WireAnswer } from './wire.client.js';

const problemSchema = z.looseObject({ code: z.string(), status: z.number(), title: z.string() });
const oauthErrorSchema = z.looseObject({ error: z.string() });

/** What only the inside knows: stack traces, SQL and its errors, places in the file system, other modules' words. */
const insides = [
  /\n\s*at \S+ \(|\\n\s*at /,
  /node_modules|node:internal|file:\/\//,
  /SQLITE_|SqliteError|libsql|kysely|syntax error at|\b(?:select|insert into|update|delete from) "\w+"/i,
  /ECONNREFUSED|TypeError|RangeError|ReferenceError|ZodError|FST_ERR/,
  new RegExp(`${process.cwd()}|${tmpdir()}/vestibule`),
];

/** Codes of a 503 that stands in for Kratos, Hydra or another provider that isn't there. */
const unavailable = /"code":"(?:provider_unavailable|not_ready)"/;
/** Routes that speak OAuth: RFC 6749 section 5.2, RFC 7591 section 3.2.2. */
const oauthRoutes = new Set([
  '/auth/token',
  '/auth/backchannel-logout',
  '/auth/application-logout',
  '/auth/device',
  '/oauth2/register',
]);
/** Routes whose answer is made of the caller's own credential. */
const givesToken = /^\/auth\/(?:verify|token)/;

/**
 * All that is wrong with an answer.
 * @returns nothing for an answer as it should be.
 */
export function faultsOf(route: FuzzRoute, sent: FuzzCase, answer: WireAnswer, world: FuzzWorld): string[] {
  return [
    ...statusFaults(route, answer),
    ...formFaults(route, sent, answer),
    ...framingFaults(sent, answer),
    ...leaks(route, sent, answer, world),
  ];
}

function statusFaults(
  { path, mayBeUnavailable }: FuzzRoute,
  { status, body, headers }: WireAnswer,
): string[] {
  if (status === 503) {
    const isExpected = mayBeUnavailable && (unavailable.test(body) || isPage(headers));
    return isExpected || path.startsWith('/ory/') ? [] : [`503 that isn't documented: ${body.slice(0, 200)}`];
  }
  return status >= 200 && status < 500 ? [] : [`status ${status}: ${body.slice(0, 200)}`];
}

function formFaults({ path }: FuzzRoute, { method }: FuzzCase, answer: WireAnswer): string[] {
  const { status, headers, body } = answer;
  if (status < 400) {
    return [];
  }
  if (method === 'HEAD') {
    return body === '' ? [] : ['an answer to HEAD has a body'];
  }
  // Node's own answer to an expectation that it doesn't know (RFC 9110 section 10.1.1).
  if (status === 417) {
    return body === '' ? [] : ['417 with a body'];
  }
  if (isPage(headers)) {
    return body.startsWith('<!DOCTYPE html>') || body.startsWith('<!doctype html>')
      ? []
      : ['a page that is none'];
  }
  const json = parsed(body);
  if (oauthRoutes.has(path) && oauthErrorSchema.safeParse(json).success) {
    return [];
  }
  const problem = problemSchema.safeParse(json);
  if (headers.get('content-type') !== 'application/problem+json; charset=utf-8' || !problem.success) {
    return [`${status} isn't problem+json: ${headers.get('content-type')} ${body.slice(0, 200)}`];
  }
  const known = problemsWith(ownFeatures).find(({ code }) => code === problem.data.code);
  // What Node can't read has a status of its own, and the code of all that can't be read.
  const isUnreadable = problem.data.code === 'malformed_request' && [408, 413, 431].includes(status);
  return known?.status === status || isUnreadable ? [] : [`${status} with the code ${problem.data.code}`];
}

function framingFaults({ method }: FuzzCase, { status, headers, length, raw }: WireAnswer): string[] {
  const declared = headers.get('content-length');
  const faults: string[] = [];
  if (declared !== undefined && method !== 'HEAD' && status !== 304 && Number(declared) !== length) {
    faults.push(`Content-Length ${declared}, and ${length} bytes came`);
  }
  if (declared !== undefined && headers.has('transfer-encoding')) {
    faults.push('Content-Length and Transfer-Encoding');
  }
  if (headers.has('x-injected') || headers.has('x-powered-by') || headers.has('server')) {
    faults.push('a header that nobody here sets');
  }
  if (
    raw.lastIndexOf('HTTP/1.1 ') > 0 &&
    !raw.startsWith('HTTP/1.1 100') &&
    /\r\nHTTP\/1\.1 \d{3} /.test(raw)
  ) {
    faults.push('two answers to one request');
  }
  return faults;
}

function leaks({ path }: FuzzRoute, sent: FuzzCase, { body, raw }: WireAnswer, world: FuzzWorld): string[] {
  const echoed = `${sent.target}${sent.body ?? ''}`;
  const inside = insides.filter((pattern) => pattern.test(raw) && !pattern.test(echoed));
  const isStatic = path.startsWith('/assets/') || path.startsWith('/docs') || path === '/demo';
  const told = world.secrets.filter((secret) => raw.includes(secret));
  const isOwn = givesToken.test(path);
  const mayKnow = sent.caller !== 'nobody' && sent.caller !== 'member' && sent.caller !== 'broken';
  return [
    ...(isStatic ? [] : inside.map((pattern) => `shows its inside (${pattern}): ${pattern.exec(raw)?.[0]}`)),
    ...(told.length > 0 && !isOwn ? ['gives a credential away'] : []),
    ...(body.includes(world.strangersAddress) && !mayKnow ? ['gives an address away'] : []),
  ];
}

/** What of the inside stands in bytes that came back. */
export function insidesIn(raw: string): string[] {
  return insides.flatMap((pattern) => pattern.exec(raw)?.[0] ?? []);
}

/** What the log says that it mustn't. */
export function logFaults(lines: readonly string[], world: FuzzWorld): string[] {
  return lines.flatMap((line) =>
    [...world.secrets, ...world.addresses].some((text) => line.includes(text))
      ? [`the log has a credential or an address: ${line.slice(0, 120)}`]
      : [],
  );
}

function isPage(headers: ReadonlyMap<string, string>): boolean {
  return headers.get('content-type') === 'text/html; charset=utf-8';
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
