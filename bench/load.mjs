// Drives a server with a load generator outside of Node (wrk), and reads what the server's processes used meanwhile.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { usageOf } from './usage.mjs';

/** Connections that are kept busy; one thread of the generator serves them. */
export const connections = 50;

const pathOf = (name) => fileURLToPath(new URL(`load/${name}`, import.meta.url));

/** The generator and its version: wrk, or our own in Node where there is no wrk. */
export const generator = findGenerator();

function findGenerator() {
  try {
    // wrk ends with 1 after telling its version.
    execFileSync('wrk', ['-v'], { stdio: 'pipe' });
    return { name: 'wrk', version: '' };
  } catch (error) {
    const version = /^wrk (?:debian\/)?(\S+)/m.exec(String(error.stdout))?.[1];
    return version === undefined
      ? { name: 'node', version: process.version }
      : { name: 'wrk', version: version.replace(/^v/, '') };
  }
}

/**
 * Makes what keeps wrk awake between answers (load/awake.c).
 * @returns its path, for a request's `preload`; undefined where there is no wrk or no compiler.
 */
export function makeAwake(folder) {
  const path = join(folder, 'awake.so');
  try {
    execFileSync('cc', ['-O2', '-shared', '-fPIC', '-o', path, pathOf('awake.c'), '-ldl'], {
      stdio: 'ignore',
    });
  } catch {
    return undefined;
  }
  return generator.name === 'wrk' ? path : undefined;
}

/**
 * One window of load.
 * @param request `{ url, headers }`, with a `body` for a POST, or `{ url, header, prefix, file, from, count }` for another header each time.
 * With `preload`, a library of {@link makeAwake}.
 * @param processes asks for the ids of the server's processes; their descendants count too.
 * @returns requests, requests a second, latencies in microseconds, processor seconds per 10,000 requests, resident megabytes.
 * @throws when an answer was not a success or a connection broke, unless the request says `counts: false`.
 */
export async function drive(request, seconds, processes) {
  const before = usageOf(await processes());
  const found = await generate(request, seconds);
  const after = usageOf(await processes());
  const isWell = found.refused === 0 && found.broken === 0 && found.requests > 0;
  if (!isWell && request.counts !== false) {
    throw new Error(
      `${request.url}: of ${found.requests} requests ${found.refused} were not answered well and ${found.broken} broke`,
    );
  }
  if (request.once === true && found.requests > request.count) {
    throw new Error(
      `${request.url}: ${found.requests} requests for ${request.count} sessions: some came again`,
    );
  }
  const { requests, duration, p50, p90, p99, max } = found;
  return {
    requests,
    rate: requests / (duration / 1e6),
    p50,
    p90,
    p99,
    max,
    cpu: ((after.cpu - before.cpu) / requests) * 10_000,
    resident: after.resident,
  };
}

async function generate(request, seconds) {
  const { url, headers = {}, body, file, preload } = request;
  const env = { ...process.env, BENCH_REPORT: pathOf('report.lua') };
  if (preload !== undefined) {
    env.LD_PRELOAD = preload;
  }
  if (body !== undefined) {
    env.BENCH_BODY = body;
  }
  if (file !== undefined) {
    Object.assign(env, {
      BENCH_FILE: file,
      BENCH_PATH: new URL(url).pathname,
      BENCH_HEADER: request.header,
      BENCH_PREFIX: request.prefix,
      BENCH_FROM: String(request.from),
      BENCH_COUNT: String(request.count),
    });
  }
  const script = pathOf(file === undefined ? 'static.lua' : 'rotating.lua');
  const fixed = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const [command, args] =
    generator.name === 'wrk'
      ? ['wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', script, ...fixed, url]]
      : [process.execPath, [pathOf('node.mjs'), url, connections, seconds, JSON.stringify(headers)]];
  const child = spawn(command, args.map(String), { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const [[code], said, complaint] = await Promise.all([
    once(child, 'close'),
    text(child.stdout),
    text(child.stderr),
  ]);
  const line = said.split('\n').find((candidate) => candidate.startsWith('{'));
  if (code !== 0 || line === undefined) {
    throw new Error(`the load generator ended with ${code}: ${complaint || said}`);
  }
  return JSON.parse(line);
}
