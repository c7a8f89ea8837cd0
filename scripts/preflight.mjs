// What a first start needs besides Node, looked for in its first second: before anything is installed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync, statfsSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import * as util from 'node:util';

const mega = 1e6;
/** What the packages and the build take, in bytes. */
const checkoutBytes = 400 * mega;
/** What Go's downloaded modules and compiled packages take at a first build. */
const goBytes = 2500 * mega;
/** A question to a host that isn't answered by then may still be. */
const answerLimitMs = 5000;
const oryUrls = ['KRATOS_PUBLIC_URL', 'KRATOS_ADMIN_URL', 'HYDRA_PUBLIC_URL', 'HYDRA_ADMIN_URL'];

/**
 * Looks at a machine before a start that has to install or build.
 * @param installs whether packages are to be installed.
 * @returns what keeps it from starting, or what is to be known in advance, and Go's environment if Ory's programs are to be built.
 */
export async function examineMachine(root, { installs, environment = process.env }) {
  const settings = readSettings(root, environment);
  const port = await portProblem(settings.HOST || '127.0.0.1', portOf(settings));
  if (port !== undefined) {
    return { problem: port };
  }
  const isFirst = installs && !existsSync(join(root, 'node_modules'));
  const disk = isFirst ? diskProblem(root, checkoutBytes, 'The packages and the build') : undefined;
  if (disk !== undefined || !(await buildsPrograms(settings))) {
    return { problem: disk };
  }
  const isClosed = settings.AIR_GAPPED === 'true' && !settings.GOPROXY;
  const goEnvironment = { ...settings, ...(isClosed ? { GOPROXY: 'off', GOTOOLCHAIN: 'local' } : {}) };
  const problem = await goProblem(root, goEnvironment);
  return problem === undefined
    ? { goEnvironment, notice: await firstStartNotice(root, goEnvironment) }
    : { problem };
}

/** The environment and `.env`, with the variables that are read here taken from their files (`NAME_FILE`). */
export function readSettings(root, environment) {
  const file = join(root, '.env');
  const settings = {
    ...(existsSync(file) ? util.parseEnv(readFileSync(file, 'utf8')) : {}),
    ...environment,
  };
  for (const name of ['HOST', 'PORT', 'PUBLIC_URL', 'AUTH_PROVIDER', ...oryUrls]) {
    const path = settings[`${name}_FILE`];
    if (!settings[name] && path && existsSync(path)) {
      settings[name] = readFileSync(path, 'utf8').trim();
    }
  }
  return settings;
}

async function firstStartNotice(root, goEnvironment) {
  const version = /axllent\/mailpit (v\S+)/.exec(
    readFileSync(join(root, 'docker/mailpit/go.mod'), 'utf8'),
  )[1];
  // Outside of the checkout, where Go may note nothing.
  const env = { ...goEnvironment, GOTOOLCHAIN: 'local', GOFLAGS: '', GOWORK: 'off' };
  const question = ['list', '-m', `github.com/axllent/mailpit@${version}`];
  const unreachable =
    goEnvironment.GOPROXY === 'off'
      ? undefined
      : await unreachableHost('go', question, { cwd: tmpdir(), env });
  return [
    'First start: installs packages, then builds Vestibule and, with Go, Kratos, Hydra and Mailpit. On two cores this takes two to',
    'three minutes and 3 GB of disk. Later starts take two seconds.',
    ...(unreachable === undefined
      ? []
      : [`The Go module proxy can't be reached (${unreachable}): only modules in Go's cache can be built.`]),
  ].join('\n');
}

/** The port of PORT, or of PUBLIC_URL, as src/platform/config derives it; undefined if neither can be read. */
function portOf({ PORT, PUBLIC_URL }) {
  if (PORT) {
    return Number(PORT);
  }
  const url = PUBLIC_URL || 'http://localhost:3000';
  if (!URL.canParse(url)) {
    return undefined;
  }
  const { protocol, port } = new URL(url);
  return protocol === 'http:' ? Number(port || 80) : 3000;
}

/**
 * Tries to listen.
 * @returns why the gateway can't listen there and what to do; undefined if it can, or if the port isn't a number.
 */
export async function portProblem(host, port) {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    return undefined;
  }
  const server = createServer();
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, 'listening');
  } catch (error) {
    const reasons = {
      EADDRINUSE: `Port ${port} on ${host} is already in use. Stop what listens there, or choose another: PORT=${port + 1}`,
      EACCES: `Port ${port} on ${host} needs more rights than this process has. Choose one above 1023: PORT=3000`,
      EADDRNOTAVAIL: `HOST ${host} is not an address of this machine. Set HOST to 127.0.0.1 or to one that is.`,
      ENOTFOUND: `HOST ${host} can't be resolved. Set HOST to 127.0.0.1 or to an address of this machine.`,
    };
    return reasons[error.code] ?? `${host}:${port} can't be listened on: ${error.message}`;
  }
  const closed = once(server, 'close');
  server.close();
  await closed;
  return undefined;
}

/** The folder of programs that were built, as src/launcher/binary.cache.ts has it. */
export function programCache({ VESTIBULE_CACHE, XDG_CACHE_HOME }) {
  return resolve(VESTIBULE_CACHE || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'vestibule'));
}

/**
 * Whether the start builds programs: it runs Ory itself, and no Kratos is given, on PATH or in the cache. Whether what is there is the
 * right version is found out by the build.
 */
async function buildsPrograms(settings) {
  const { AUTH_PROVIDER, KRATOS_BIN, PATH } = settings;
  if ((AUTH_PROVIDER || 'ory') !== 'ory' || oryUrls.some((name) => settings[name]) || KRATOS_BIN) {
    return false;
  }
  const cache = programCache(settings);
  const isCached = existsSync(cache) && readdirSync(cache).some((name) => /^kratos-.*[0-9a-f]$/.test(name));
  return !isCached && (await run('/bin/sh', ['-c', 'command -v kratos'], { env: { PATH } })).status !== 0;
}

/** @returns what is wrong with this machine's Go, or with the disk that it needs; undefined if nothing is known to be. */
async function goProblem(root, env) {
  const goMod = readFileSync(join(root, 'docker/kratos/go.mod'), 'utf8');
  const [, wanted] = /^go (\S+)/m.exec(goMod);
  const [, pinned] = /ory\/kratos (v\S+)/.exec(goMod);
  const question = 'go env GOVERSION GOTOOLCHAIN GOMODCACHE GOCACHE';
  const { status, output, timedOut } = await run('/bin/sh', ['-c', question], { env });
  if (timedOut) {
    return undefined;
  }
  const advice = `Install Go ${wanted} or newer (https://go.dev/dl) and start again.`;
  const first = 'Kratos, Hydra and Mailpit have to be built first, and';
  if (status !== 0) {
    return `${first} there is no Go on this machine. ${advice}`;
  }
  const [version = '', toolchain = '', modules = '', compiled = ''] = output.split('\n');
  const found = /go(\d+\.\S+)/.exec(version)?.[1] ?? version;
  // From 1.21 on, Go brings the version that it needs, unless it is told not to.
  const bringsNewer = !isOlder(found, '1.21') && !['local', 'path'].includes(toolchain);
  if (!bringsNewer && isOlder(found, wanted)) {
    return `${first} the Go on this machine is ${found}. ${advice}`;
  }
  const isFirst = modules !== '' && !existsSync(join(modules, 'github.com/ory/kratos@' + pinned));
  return isFirst
    ? diskProblem(compiled || modules, goBytes, "Go's modules and compiled packages")
    : undefined;
}

function isOlder(found, wanted) {
  const parts = (text) => text.split('.').map((part) => Number.parseInt(part, 10) || 0);
  const [is, should] = [parts(found), parts(wanted)];
  const index = should.findIndex((part, at) => part !== (is[at] ?? 0));
  return index >= 0 && (is[index] ?? 0) < should[index];
}

/** @returns that a folder's disk has too little room; undefined if it has enough. A folder that doesn't exist yet counts as its parent. */
export function diskProblem(folder, wanted, what) {
  let existing = folder;
  while (!existsSync(existing)) {
    existing = dirname(existing);
  }
  const { blocks, bavail, bsize } = statfsSync(existing);
  const free = bavail * bsize;
  // Some file systems report nothing.
  return blocks > 0 && free < wanted
    ? `${what} need about ${Math.round(wanted / mega)} MB, and the disk of ${existing} has ${Math.round(free / mega)} MB free. Free some and start again.`
    : undefined;
}

/** @returns the code of the network error that keeps a program from its host; undefined if it answers, whatever it says, or is slow. */
export async function unreachableHost(command, args, options) {
  const { output } = await run(command, args, options);
  return (
    /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)\b/.exec(
      output,
    )?.[1] ?? /dial tcp: lookup .*|connection refused|i\/o timeout|network is unreachable/.exec(output)?.[0]
  );
}

async function run(command, args, options) {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: answerLimitMs,
    ...options,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  return new Promise((resolve) => {
    child.once('error', () => resolve({ status: null, output: '', timedOut: false }));
    child.once('close', (status, signal) =>
      resolve({ status, output: output.trim(), timedOut: signal !== null }),
    );
  });
}
