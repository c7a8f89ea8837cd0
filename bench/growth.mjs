// `npm run build && node bench/growth.mjs [1000,10000,100000,1000000]`: what a guarded request, a login, a renewal and lists cost as users,
// sessions, organisations, keys, ended sessions and audit events grow, on the PostgreSQL of VESTIBULE_BENCH_POSTGRES_URL. Prints Markdown, and keeps
// it for docs/internals/performance.md when all sizes were measured.
import { installPeers, openBench } from './context.mjs';
import { openDatabase } from './database.mjs';
import { drive } from './load.mjs';
import { median, verify, warmUp } from './measure.mjs';
import { growTo, openServices } from './own/grow.mjs';
import { keepTable, share, whole } from './tables.mjs';

const sizes = (process.argv[2] ?? '1000,10000,100000,1000000').split(',').map(Number);
const calls = 100;
const seconds = 3;
const turns = 3;

/** Milliseconds of the middle call, after a few that don't count. */
async function timeOf(act) {
  const times = [];
  for (let call = -10; call < calls; call += 1) {
    const began = performance.now();
    await act(call + 10);
    if (call >= 0) {
      times.push(performance.now() - began);
    }
  }
  return median(times);
}

/** A guarded request beside an open one, in a gateway that has everything in memory that there is. */
async function measureRequests(bench, own, data) {
  const began = performance.now();
  const { cases, processes, stop } = await own.startOwn(bench, data);
  const start = performance.now() - began;
  try {
    const windows = { base: [], guarded: [] };
    for (const name of ['open-cookie', 'cookie']) {
      await verify(cases[name]);
      await warmUp(cases[name], 2, processes);
    }
    for (let turn = 0; turn < turns; turn += 1) {
      windows.base.push(await drive(cases['open-cookie'], seconds, processes));
      windows.guarded.push(await drive(cases.cookie, seconds, processes));
    }
    const of = (name, field) => median(windows[name].map((window) => window[field]));
    return {
      'hot guarded request, ms of a core': of('guarded', 'cpu') / 10,
      'open request beside it, ms of a core': of('base', 'cpu') / 10,
      'gateway’s memory, MB': of('guarded', 'resident'),
      'start to first answer, ms': start,
    };
  } finally {
    await stop();
  }
}

async function measure(bench, own, data, size) {
  const services = await openServices(data.env, size);
  try {
    await growTo(services, size);
    const found = {};
    for (const [name, act] of Object.entries(services.acts)) {
      found[`${name}, ms`] = await timeOf(act);
    }
    return { ...(await measureRequests(bench, own, data)), ...found };
  } finally {
    await services.close();
  }
}

function tableOf(columns) {
  const number = (value) => (value >= 100 ? whole(value) : value.toFixed(value >= 10 ? 1 : 3));
  return {
    head: ['', ...sizes.map((size) => `${whole(size)} rows`), 'last / first'],
    rows: Object.keys(columns[0]).map((name) => {
      const cells = columns.map((column) => column[name]);
      return [name, ...cells.map(number), share(cells.at(-1) / cells[0])];
    }),
  };
}

installPeers();
const own = await import('./servers/own.mjs');
const bench = await openBench();
if (bench.postgres === undefined) {
  throw new Error('no PostgreSQL at VESTIBULE_BENCH_POSTGRES_URL');
}
const database = await openDatabase(bench.postgres);
try {
  const data = await own.prepareOwn(bench, 20_000, { DATABASE_URL: database.url });
  const columns = [];
  for (const size of sizes) {
    bench.say(`${size} rows of each kind`);
    columns.push(await measure(bench, own, data, size));
  }
  keepTable('growth', bench, tableOf(columns), process.argv[2] === undefined);
} finally {
  await database.drop();
  await bench.close();
}
