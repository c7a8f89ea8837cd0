// `npm run build && node bench/rivals.mjs`: ways to guard one upstream, each measured from end to end, and writes docs/internals/rivals.md.
//   --rounds 4     rounds of all of them, in one order and then in the other
//   --seconds 5    seconds of each window
//   --only a,b     only these, by the ids of servers/rivals.mjs; nothing is written, and no spread is too wide
//   --report       only writes the page anew from bench/results/rivals.json
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ask } from './ask.mjs';
import { machine, openBench } from './context.mjs';
import { drive } from './load.mjs';
import { verify, warmUp } from './measure.mjs';
import { writeRivals } from './rivals.report.mjs';
import { prepareOwn, ready, shipped, startOwn } from './servers/own.mjs';
import { startPeer } from './servers/peer.mjs';
import { rivals } from './servers/rivals.mjs';
import { damaged } from './servers/stateless.mjs';
import { measureCalmly } from './spread.mjs';
import { proportionalOf, usageOf } from './usage.mjs';

const { values: given } = parseArgs({
  options: {
    rounds: { type: 'string', default: '4' },
    seconds: { type: 'string', default: '5' },
    only: { type: 'string' },
    report: { type: 'boolean', default: false },
  },
});
const rounds = Number(given.rounds);
const seconds = Number(given.seconds);
const only = given.only?.split(',');
const results = new URL('results/', import.meta.url);
const kept = new URL('rivals.json', results);
/** Enough for servers/own.mjs; one of them is used. */
const sessions = 1000;

/** What is sent, what must be answered, and what must be refused. */
function caseOf({ id, credential }, { origin, headers }, setting) {
  const url = `${origin}/app/`;
  const { user } = setting;
  if (credential === 'none') {
    const identity = { 'x-auth-user': user.sub, 'x-auth-email': user.email };
    return { id, url, user, headers: { ...setting.headers.cookie, ...identity } };
  }
  const sent = headers ?? setting.headers[credential];
  const { cookie, authorization, ...rest } = sent;
  const broken =
    cookie === undefined ? { authorization: damaged(authorization) } : { cookie: damaged(cookie) };
  const refused = [rest, { ...rest, ...broken }];
  // oauth2-proxy has a session of its own login.
  return { id, url, headers: sent, refused, ...(headers === undefined ? { user } : {}) };
}

/** One window, with what the proxy, Vestibule and the upstream took of it. */
async function measureOne(found, groups) {
  const all = () => Object.values(groups).flat();
  const spent = () =>
    Object.fromEntries(Object.entries(groups).map(([name, pids]) => [name, usageOf(pids).cpu]));
  const before = spent();
  const window = await drive(found, seconds, all);
  const after = spent();
  const each = Object.keys(groups).map((name) => [
    name,
    {
      cpu: ((after[name] - before[name]) / window.requests) * 10_000,
      memory: groups[name].length === 0 ? 0 : proportionalOf(groups[name]),
    },
  ]);
  return { ...window, parts: Object.fromEntries(each) };
}

async function measureRival(bench, data, rival) {
  const gateway = await startOwn(bench, data, { TRUST_PROXY: '127.0.0.1' }, shipped);
  const started = [gateway];
  try {
    const { cookie, bearer } = gateway.cases;
    await ready(gateway.origin, { Host: cookie.headers.Host });
    const upstream = await startPeer(bench, 'behind');
    started.unshift(upstream);
    const [, payload] = bearer.headers.authorization.split('.');
    const setting = {
      gateway: gateway.origin,
      upstream: upstream.origin,
      keySet: JSON.parse(
        (await ask(`${gateway.origin}/.well-known/jwks.json`, { Host: cookie.headers.Host })).text,
      ),
      audience: JSON.parse(Buffer.from(payload, 'base64url').toString()).aud,
      headers: { cookie: cookie.headers, bearer: bearer.headers },
      user: cookie.user,
    };
    const proxy = await rival.start(bench, setting);
    started.unshift(proxy);
    const found = caseOf(rival, proxy, setting);
    await verify(found);
    const groups = {
      proxy: proxy.pid === undefined ? [] : [proxy.pid],
      gateway: rival.asks ? gateway.processes() : [],
      upstream: [upstream.pid],
    };
    await warmUp(found, bench.warm * 2, () => Object.values(groups).flat());
    return await measureOne(found, groups);
  } finally {
    for (const { stop } of started) {
      await stop();
    }
  }
}

async function measureAll(bench, data) {
  const wanted = rivals.filter(({ id }) => only === undefined || only.includes(id));
  const found = {
    at: new Date().toISOString(),
    machine: machine(bench),
    rounds,
    seconds,
    told: {},
    skipped: {},
    windows: {},
  };
  for (const { id, title, asks, obstacle, version } of wanted) {
    const missing = await obstacle();
    if (missing === undefined) {
      found.told[id] = { title, asks, version: await version() };
      found.windows[id] = [];
    } else {
      found.skipped[title] = missing;
    }
  }
  const there = wanted.filter(({ id }) => id in found.told);
  for (let round = 0; round < rounds; round += 1) {
    for (const rival of round % 2 === 0 ? there : there.toReversed()) {
      bench.say(`${rival.title}, round ${round + 1} of ${rounds}`);
      found.windows[rival.id].push(await measureRival(bench, data, rival));
    }
  }
  return found;
}

const ratesOf = ({ told, windows }) =>
  Object.fromEntries(
    Object.entries(told).map(([id, { title }]) => [title, windows[id].map(({ rate }) => rate)]),
  );

async function measure() {
  const bench = await openBench();
  try {
    const data = await prepareOwn(bench, sessions);
    return await (only === undefined
      ? measureCalmly(() => measureAll(bench, data), ratesOf, bench.say)
      : measureAll(bench, data));
  } finally {
    await bench.close();
  }
}

const isWhole = only === undefined;
const found = given.report ? JSON.parse(readFileSync(kept, 'utf8')) : await measure();
if (isWhole && !given.report) {
  mkdirSync(results, { recursive: true });
  writeFileSync(kept, `${JSON.stringify(found, undefined, 1)}\n`);
}
process.stdout.write(await writeRivals(found, !isWhole));
