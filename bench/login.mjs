// `npm run build && node bench/login.mjs [start,logins,ory-logins,exchanges,renewals,memory]`: what the gateway itself does for a login, a
// renewal and a token exchange, how soon it answers after its start, and what hot sessions weigh. On the PostgreSQL of
// VESTIBULE_BENCH_POSTGRES_URL, with a real OpenID provider in this process, and with Kratos and Hydra: what hashes a password isn't
// in the gateway's processor time. Prints Markdown, and keeps it for docs/internals/performance.md when everything was measured.
import { setTimeout as pause } from 'node:timers/promises';
import { ask } from './ask.mjs';
import { freePort } from './child.mjs';
import { installPeers, openBench } from './context.mjs';
import { openDatabase } from './database.mjs';
import { drive } from './load.mjs';
import { inLanes, median } from './measure.mjs';
import { openBrowser } from './servers/browser.mjs';
import { keepTable, whole } from './tables.mjs';
import { usageOf } from './usage.mjs';

const wanted = process.argv[2]?.split(',') ?? [
  'start',
  'logins',
  'ory-logins',
  'exchanges',
  'renewals',
  'memory',
];
const people = 200;
const lanes = 8;
const starts = 5;
const seconds = 4;
/** Seconds for which a gateway is left alone, to see what it takes then. */
const restful = 5;

installPeers();
const [{ prepareOwn, ready, shipped, startOwn }, { startOryLogins }] = await Promise.all([
  import('./servers/own.mjs'),
  import('./own/ory.login.mjs'),
]);

/** Times and processor time of logins from the first redirect to the session's cookie. */
async function login(origin) {
  const browser = openBrowser();
  const { response } = await browser.follow(`${origin}/auth/login`, (url) => url === `${origin}/`);
  if (!(await browser.cookies(origin)).includes('vestibule=')) {
    throw new Error(`a login ended with ${response.status} and without a session`);
  }
}

/** Statements and outgoing calls of one act, in a gateway that counts them. */
async function questionsOf(server, act, acts) {
  const counts = async () => JSON.parse((await ask(`${server.origin}/bench/counts`, server.host)).text);
  await act();
  const before = await counts();
  for (let index = 0; index < acts; index += 1) {
    await act();
  }
  const after = await counts();
  return {
    statements: (after.statements - before.statements) / acts,
    calls: (after.calls - before.calls) / acts,
  };
}

/** A gateway whose public address is where it listens, so that a browser finds it. */
async function openGateway(bench, database) {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const client = bench.openid.register(`${origin}/auth/callback`);
  const data = await prepareOwn(bench, 20_000, {
    PUBLIC_URL: origin,
    DATABASE_URL: database.url,
    OIDC_CLIENT_ID: client.client_id,
    OIDC_CLIENT_SECRET: client.client_secret,
    // Everybody here has one address.
    RATE_LIMIT: 'false',
  });
  return { data, env: { PORT: String(port) }, host: { Host: new URL(origin).host } };
}

/** @param act one login. @param how by which provider, for the table. */
async function measureActs(bench, { data, env, host }, act, how) {
  const rows = [];
  const server = await startOwn(bench, data, env);
  try {
    await ready(server.origin, host);
    await inLanes(people, lanes, act);
    /** Milliseconds that something takes, and of a processor meanwhile. */
    const spend = async (run) => {
      const before = usageOf(server.processes());
      const began = performance.now();
      await run();
      const time = performance.now() - began;
      return { time, cpu: (usageOf(server.processes()).cpu - before.cpu) * 1000 };
    };
    const rest = await spend(() => pause(restful * 1000));
    /** Without what polls, timers and the log's thread take all the time. */
    const one = async (count, run) => {
      const { time, cpu } = await spend(() => run(count));
      return { time, cpu: (cpu - (rest.cpu * time) / rest.time) / count };
    };
    const alone = await one(people, (count) => inLanes(count, 1, act));
    rows.push([`nobody logs in ${how}: the gateway’s processor time of a second`, rest.cpu / restful, 'ms']);
    rows.push([`login ${how}, the gateway’s processor time above that`, alone.cpu, 'ms', 15]);
    rows.push([`login ${how}, from start to session, the provider’s part too`, alone.time / people, 'ms']);
    const together = await one(people * 2, (count) => inLanes(count, lanes, act));
    const rate = (people * 2) / (together.time / 1000);
    rows.push([
      `logins ${how}, ${lanes} at a time, with provider and browsers on the same cores`,
      rate,
      '/s',
    ]);
    rows.push([`logins ${how} that a core of gateway is enough for`, 1000 / together.cpu, '/s']);
  } finally {
    await server.stop();
  }
  const counting = { ...(await startOwn(bench, data, { ...env, BENCH_COUNT: 'true' })), host };
  try {
    await ready(counting.origin, host);
    const { statements, calls } = await questionsOf(counting, act, 20);
    rows.push([`login ${how}, round trips to the database`, statements, '']);
    rows.push([`login ${how}, calls to the provider`, calls, '']);
  } finally {
    await counting.stop();
  }
  return rows;
}

async function measureLogins(bench, gateway) {
  bench.openid.spread(people);
  const origin = `http://127.0.0.1:${gateway.env.PORT}`;
  return measureActs(bench, gateway, () => login(origin), 'by OpenID Connect');
}

/** Kratos hashes the password, in a process of its own. */
async function measureOryLogins(bench, { data, env, host }) {
  const ory = await startOryLogins(bench, `http://127.0.0.1:${env.PORT}`, people);
  try {
    const gateway = { data, host, env: { ...env, ...ory.env } };
    return await measureActs(bench, gateway, ory.login, 'by password at Kratos');
  } finally {
    await ory.stop();
  }
}

/** Every request comes with a cookie whose token is over, and leaves with a new one. */
async function measureRenewals(bench, database) {
  const data = await prepareOwn(bench, 30_000, { DATABASE_URL: database.url }, 7200);
  const rows = [];
  const server = await startOwn(bench, data);
  try {
    const { cold } = server.cases;
    const first = { ...cold, count: 10_000 };
    await drive({ ...first, once: false, count: 3000 }, 2, server.processes);
    const found = await drive({ ...first, from: first.from + 3000 }, seconds, server.processes);
    rows.push(
      ['renewals', found.rate, '/s'],
      ['renewal, the gateway’s processor time', found.cpu / 10, 'ms'],
    );
    rows.push(['renewal, p99 with 50 at a time', found.p99 / 1000, 'ms']);
  } finally {
    await server.stop();
  }
  return rows;
}

async function measureExchanges(bench, { data, env }) {
  const server = await startOwn(bench, data, env);
  try {
    const form = new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token_type: 'urn:vestibule:params:oauth:token-type:api_key',
      subject_token: data.key,
    });
    const request = {
      url: `${server.origin}/auth/token`,
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: form.toString(),
    };
    await drive(request, 2, server.processes);
    const found = await drive(request, seconds, server.processes);
    return [
      ['token exchanges of an API key', found.rate, '/s'],
      ['token exchange, the gateway’s processor time', found.cpu / 10, 'ms'],
    ];
  } finally {
    await server.stop();
  }
}

async function measureStart(bench, { data, env, host }) {
  const times = [];
  for (let start = 0; start < starts; start += 1) {
    const began = performance.now();
    const server = await startOwn(bench, data, env, shipped);
    await ready(server.origin, host);
    times.push(performance.now() - began);
    await server.stop();
  }
  return [[`from the start of the process to ready, median of ${starts}`, median(times) / 1000, 's', 1.5]];
}

async function measureMemory(bench) {
  const data = await prepareOwn(bench, 110_000);
  const { cases, processes, stop } = await startOwn(bench, data);
  try {
    const one = await drive(cases['sessions-1'], seconds, processes);
    const all = cases['sessions-100000'];
    for (let from = 0; from < all.count;) {
      const { requests } = await drive({ ...all, from, count: all.count - from }, seconds, processes);
      from += requests;
    }
    const many = await drive(all, seconds, processes);
    return [
      ['resident with one hot session', one.resident, 'MB'],
      ['resident with 100,000 hot sessions', many.resident, 'MB', 400],
    ];
  } finally {
    await stop();
  }
}

const bench = await openBench();
if (bench.postgres === undefined) {
  throw new Error('no PostgreSQL at VESTIBULE_BENCH_POSTGRES_URL');
}
/** What was measured: name, value, unit, and what is to be reached at most where there is a goal. */
const rows = [];
const database = await openDatabase(bench.postgres);
const others = await openDatabase(bench.postgres);
try {
  const parts = {
    start: measureStart,
    logins: measureLogins,
    exchanges: measureExchanges,
    'ory-logins': measureOryLogins,
  };
  const chosen = Object.entries(parts).filter(([name]) => wanted.includes(name));
  const gateway = chosen.length === 0 ? undefined : await openGateway(bench, database);
  for (const [name, act] of chosen) {
    bench.say(name);
    rows.push(...(await act(bench, gateway)));
  }
  if (wanted.includes('renewals')) {
    bench.say('renewals');
    rows.push(...(await measureRenewals(bench, others)));
  }
  if (wanted.includes('memory')) {
    bench.say('memory');
    rows.push(...(await measureMemory(bench)));
  }
} finally {
  await Promise.all([database.drop(), others.drop()]);
  await bench.close();
}
const verdictOf = (value, most) =>
  most === undefined ? ['', ''] : [`≤ ${most}`, value <= most ? 'met' : '**missed**'];
const number = (value) => (value >= 100 ? whole(value) : value.toFixed(2));
keepTable(
  'login',
  bench,
  {
    head: ['', 'measured', '', 'goal', ''],
    rows: rows.map(([name, value, unit, most]) => [name, number(value), unit, ...verdictOf(value, most)]),
  },
  process.argv[2] === undefined,
);
