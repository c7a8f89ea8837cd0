// Where the processor's time of a request goes, and of a login by password, the kernel's too, as tables and as flame graphs (perf of
// Debian's linux-perf). `npm run build && node bench/profile.mjs`; docs/internals/performance.md has them with the next `node bench/report.mjs`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from './child.mjs';
import { openBench } from './context.mjs';
import { openDatabase } from './database.mjs';
import { flameGraph } from './flame.mjs';
import { drive } from './load.mjs';
import { inLanes, manySessions, warmUp } from './measure.mjs';
import { startOryLogins } from './own/ory.login.mjs';
import { quiet } from './scenes.mjs';
import { prepareOwn, ready, startOwn } from './servers/own.mjs';
import { namedFunctions, stacksOf } from './stacks.mjs';
import { keepTable } from './tables.mjs';

const seconds = 6;
const people = 200;
const loginsBefore = 600;
const loginsMeasured = 200;
const lanes = 8;
const images = new URL('../docs/images/', import.meta.url);
const scenes = [
  { id: 'unguarded', name: 'open-cookie', title: 'unguarded' },
  { id: 'hot', name: 'cookie', title: 'hot cookie' },
  { id: 'cold', name: 'cold', title: 'cold cookie' },
  {
    id: 'quiet',
    name: 'open-cookie',
    title: 'unguarded, no access log',
    env: quiet,
  },
];

const isOwn = ({ url }) => !url.includes('/node_modules/') && /\/(?:dist|bench)\//.test(url);
const packages = (names) => {
  const pattern = new RegExp(String.raw`/node_modules/(?:${names})`);
  return ({ url }) => pattern.test(url);
};
/** What a stack is for when any of its frames is one of these. */
const wholes = [
  [
    'garbage collection',
    ({ name }) =>
      /^v8::internal::(?:Heap::CollectGarbage|Scaveng|MarkCompact|Concurrent|Sweep|GCTask)/.test(name),
  ],
  ['kernel: waking who waits for the answer', ({ name }) => name === 'sock_def_readable'],
  ['kernel: everything else', ({ kind }) => kind === 'kernel'],
];
/** And else by its innermost frame that is one of these. */
const parts = [
  [
    'cryptography',
    ({ name, url }) =>
      url.startsWith('node:internal/crypto') || /^(?:node::crypto::|EVP_|sha256_)/.test(name),
  ],
  [
    'Vestibule: cookies, tokens, guards',
    (frame) => isOwn(frame) && /\/dist\/(?:session|core|api-keys)\//.test(frame.url),
  ],
  ['Vestibule: everything else', isOwn],
  ['pino', packages('pino|sonic-boom')],
  ['Nest', packages('@nestjs|rxjs|reflect-metadata')],
  ['Fastify', packages('fastify|find-my-way|@fastify|avvio|light-my-request')],
  ['other packages', ({ url }) => url.includes('/node_modules/')],
  ['Node: HTTP, streams, timers, promises', ({ kind, url }) => kind === 'script' || url.startsWith('node:')],
];
const rest = { main: 'Node and V8: native code', others: 'other threads' };

/** The same of a login, which much more of other people's code is for. */
const loginWholes = [
  ...wholes,
  [
    'V8 compiling',
    ({ name }) => /^v8::internal::(?:compiler::|OptimizedCompil|Compiler::|baseline::)/.test(name),
  ],
];
const loginParts = [
  parts[0],
  ['Vestibule', isOwn],
  ['axios, for the calls of @ory/client', packages('axios|@ory/client|follow-redirects')],
  [
    'undici, for what is passed on to Ory and what openid-client asks',
    ({ url }) => url.includes('/node_modules/undici/') || url.includes('internal/deps/undici'),
  ],
  ['openid-client, jose', packages('openid-client|oauth4webapi|jose')],
  ['cockatiel, the retries and the bulkhead', packages('cockatiel')],
  ['Kysely and pg', packages('kysely|pg|pg-pool|pg-protocol')],
  ['zod', packages('zod')],
  ...parts.slice(3),
];

function partOf({ isMain, frames }, wholes, parts) {
  const whole = wholes.find(([, is]) => frames.some(is));
  if (whole !== undefined) {
    return whole[0];
  }
  for (const frame of frames) {
    const part = parts.find(([, is]) => is(frame));
    if (part !== undefined) {
      return part[0];
    }
  }
  return isMain ? rest.main : rest.others;
}

/** @returns rows of parts and what of the time each has had, and of all of it. @param columns `{ stacks, scale }` of each. */
function rowsOf(wholes, parts, columns) {
  const names = [...wholes, ...parts].map(([name]) => name).concat(rest.main, rest.others);
  const cells = columns.map(({ stacks, scale }) => {
    const spent = new Map(names.map((part) => [part, 0]));
    for (const stack of stacks) {
      const part = partOf(stack, wholes, parts);
      spent.set(part, spent.get(part) + 1);
    }
    return [...spent.values(), stacks.length].map((count) => (count * scale).toFixed(1));
  });
  return [...names, 'together'].map((part, index) => [part, ...cells.map((column) => column[index])]);
}

function draw(id, stacks, title) {
  mkdirSync(images, { recursive: true });
  writeFileSync(new URL(`profile-${id}.svg`, images), flameGraph(stacks, title));
}

/** Requests under the load of the benchmark. */
async function profileRequests(bench) {
  const data = await prepareOwn(bench, manySessions);
  const columns = [];
  for (const { id, name, title, env = {} } of scenes) {
    bench.say(title);
    const { cases, processes, stop } = await startOwn(bench, data, { ...env, NODE_OPTIONS: namedFunctions });
    try {
      await warmUp(cases[name], 3, processes);
      const { window, stacks, micros } = await stacksOf(processes()[0], join(bench.folder, id), () =>
        drive(cases[name], seconds, processes),
      );
      columns.push({ stacks, scale: micros / window.requests });
      draw(id, stacks, title);
    } finally {
      await stop();
    }
  }
  const head = ['µs of a request', ...scenes.map(({ title }) => title)];
  keepTable('profile', bench, { head, rows: rowsOf(wholes, parts, columns) }, true);
}

/** Logins at Kratos and Hydra, one after the other. */
async function profileLogins(bench) {
  const title = 'login by password';
  bench.say(title);
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const database = await openDatabase(bench.postgres);
  const ory = await startOryLogins(bench, origin, people);
  try {
    const settings = { PUBLIC_URL: origin, DATABASE_URL: database.url, RATE_LIMIT: 'false' };
    const data = await prepareOwn(bench, 1, settings);
    const env = { PORT: String(port), ...ory.env, NODE_OPTIONS: namedFunctions };
    const { processes, stop } = await startOwn(bench, data, env);
    try {
      await ready(origin, { Host: new URL(origin).host });
      await inLanes(loginsBefore, lanes, ory.login);
      const { stacks, micros } = await stacksOf(processes()[0], join(bench.folder, 'login'), () =>
        inLanes(loginsMeasured, 1, ory.login),
      );
      const scale = micros / 1000 / loginsMeasured;
      const rows = rowsOf(loginWholes, loginParts, [{ stacks, scale }]);
      keepTable('profile-login', bench, { head: ['', 'ms of a login'], rows }, true);
      draw('login', stacks, title);
    } finally {
      await stop();
    }
  } finally {
    await ory.stop();
    await database.drop();
  }
}

const bench = await openBench();
if (bench.postgres === undefined) {
  throw new Error('no PostgreSQL at VESTIBULE_BENCH_POSTGRES_URL');
}
try {
  await profileRequests(bench);
  await profileLogins(bench);
} finally {
  await bench.close();
}
