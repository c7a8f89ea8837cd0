// `npm run build && node bench/login-against.mjs [--against COMMIT] [--rounds 5] [--logins 100] [--node PATH]`: where the processor time of a login
// by password goes, in turns with another commit or a built folder of it. Each side has a gateway, Kratos and Hydra of its own, on the PostgreSQL
// of VESTIBULE_BENCH_POSTGRES_URL. Then how long a login takes, also on a long line. Prints Markdown, and ends with 1 when a goal is missed.
import { existsSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from './against.mjs';
import { freePort } from './child.mjs';
import { openBench } from './context.mjs';
import { openDatabase } from './database.mjs';
import { inLanes, median, spreadOf } from './measure.mjs';
import { timedLogin } from './own/password.login.mjs';
import { emailOf, password } from './own/people.mjs';
import { share, spread, table, whole } from './tables.mjs';
import { familyOf, usageOf } from './usage.mjs';

/** What is to be reached at most, as parts of the other commit's processor time. */
const goals = { gateway: 0.6, together: 0.75 };
const people = 200;
const lanes = 4;
/** Logins before anything is measured. V8 compiles for long: a process takes 35 ms for each of its first 200, and 21 from about 1,400 on. */
const warmUp = 1500;
/** Milliseconds of a round trip on the lines that a login is timed on, and timed logins on each in a round. */
const lines = [0, 150];
const timed = 10;
/** Idle seconds, whose processor time is no login's. */
const restful = 5;

const { values: options } = parseArgs({
  options: {
    against: { type: 'string', default: 'd2310b45' },
    rounds: { type: 'string', default: '5' },
    logins: { type: 'string', default: '100' },
    node: { type: 'string' },
  },
});

const root = fileURLToPath(new URL('..', import.meta.url));
const parts = ['gateway', 'Kratos', 'Hydra', 'PostgreSQL'];

/** A gateway of a checkout with Kratos and Hydra behind it. */
async function openSide(bench, name, checkout) {
  const load = (path) => import(pathToFileURL(join(checkout, 'bench', path)).href);
  const [own, { startOryLogins }] = await Promise.all([load('servers/own.mjs'), load('own/ory.login.mjs')]);
  const folder = join(bench.folder, name);
  mkdirSync(folder);
  const mine = { ...bench, folder };
  const database = await openDatabase(bench.postgres);
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const ory = await startOryLogins(mine, origin, people);
  const settings = { PUBLIC_URL: origin, DATABASE_URL: database.url, RATE_LIMIT: 'false' };
  const data = await own.prepareOwn(mine, 20_000, settings);
  const gateway = await own.startOwn(mine, data, { PORT: String(port), ...ory.env });
  await own.ready(origin, { Host: new URL(origin).host });
  return {
    login: ory.login,
    /** One after the other. @returns round trips of a login, and the median of milliseconds. */
    async time(roundTrip) {
      const logins = [];
      for (let index = 0; index < timed; index += 1) {
        logins.push(await timedLogin({ origin, email: emailOf(index), password, roundTrip }));
      }
      return { trips: logins[0].trips, time: median(logins.map(({ time }) => time)) };
    },
    /** Processor milliseconds of each part so far. */
    async usage() {
      const [[kratos], [hydra], [backend]] = await Promise.all([
        ory.kratos(),
        ory.hydra(),
        database.processes(),
      ]);
      const [{ parent: server }] = familyOf(backend);
      // Connections come and go, and with them PostgreSQL's processes: those that have ended count too.
      const spent = familyOf(server).reduce((sum, process) => sum + process.spent, 0);
      const cpus = [gateway.processes(), [kratos], [hydra]].map((pids) => usageOf(pids).cpu);
      return [...cpus, spent].map((seconds) => seconds * 1000);
    },
    async stop() {
      await gateway.stop();
      await ory.stop();
      await database.drop();
    },
  };
}

/** Processor milliseconds of each part for one login, above what they take without one. */
async function measure(side, count) {
  const spend = async (act) => {
    const [before, began] = [await side.usage(), performance.now()];
    await act();
    const time = performance.now() - began;
    return { time, used: (await side.usage()).map((now, index) => now - before[index]) };
  };
  const rest = await spend(() => pause(restful * 1000));
  const { time, used } = await spend(() => inLanes(count, lanes, side.login));
  return used.map((cpu, index) => (cpu - (rest.used[index] * time) / rest.time) / count);
}

const bench = await openBench(options.node === undefined ? {} : { node: options.node });
if (bench.postgres === undefined) {
  throw new Error('no PostgreSQL at VESTIBULE_BENCH_POSTGRES_URL');
}
const sides = [];
try {
  const other = existsSync(options.against)
    ? resolve(options.against)
    : build(options.against, bench.folder, bench.say);
  for (const [name, checkout] of [
    ['now', root],
    ['then', other],
  ]) {
    sides.push({ name, rounds: [], times: lines.map(() => []), ...(await openSide(bench, name, checkout)) });
  }
  for (const side of sides) {
    await inLanes(warmUp, lanes, side.login);
  }
  for (let round = 0; round < Number(options.rounds); round += 1) {
    bench.say(`round ${round + 1} of ${options.rounds}`);
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
      side.rounds.push(await measure(side, Number(options.logins)));
      for (const [index, roundTrip] of lines.entries()) {
        side.times[index].push(await side.time(roundTrip));
      }
    }
  }
} finally {
  await Promise.all(sides.map(({ stop }) => stop()));
  await bench.close();
}
const [now, then] = sides;
const sum = (round) => round.reduce((total, part) => total + part, 0);
let isGood = true;
function row(title, read, goal) {
  const ratios = now.rounds.map((round, index) => read(round) / read(then.rounds[index]));
  const isMet = goal === undefined || median(ratios) <= goal;
  isGood &&= isMet;
  return [
    title,
    ...[now, then].map(({ rounds }) => spread(spreadOf(rounds.map(read)), (value) => value.toFixed(1))),
    spread(spreadOf(ratios), share),
    goal === undefined ? '' : `≤ ${goal} ${isMet ? 'met' : '**missed**'}`,
  ];
}
const rows = [
  ...parts.map((part, index) => row(part, (round) => round[index], index === 0 ? goals.gateway : undefined)),
  row('together', sum, goals.together),
];
process.stdout.write(
  `${table(['ms of a core for a login', 'now', options.against, 'now ÷ then', 'goal'], rows)}\n`,
);
const lengths = lines.map((roundTrip, index) => [
  `${roundTrip} ms`,
  ...sides.flatMap(({ times }) => [
    String(times[index][0].trips),
    spread(spreadOf(times[index].map(({ time }) => time)), whole),
  ]),
]);
const heads = [
  'a round trip',
  'round trips now',
  'ms of a login now',
  `round trips, ${options.against}`,
  'ms',
];
process.stdout.write(`\n${table(heads, lengths)}\n`);
process.exitCode = isGood ? 0 : 1;
