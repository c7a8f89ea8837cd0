// `npm run bench`: measures Vestibule beside its peers on this machine and writes docs/internals/performance.md.
//   --rounds 3      rounds of everything, in alternating order
//   --seconds 5     seconds of each window
//   --sessions N    live sessions in Vestibule's database, 100,000 or more for all of its measurements
//   --only a,b      only these, and nothing is written: own, release, beside, awake, sessions, revoked, calls, replicas, other-node, and peers by name
//   --node PATH     another Node for all servers, instead of Node 24 and, for Vestibule's own routes, the Node that runs this
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { imageNode, installPeers, machine, openBench } from './context.mjs';
import { hasGo } from './go.mjs';
import { drive, generator, makeAwake } from './load.mjs';
import { manySessions, verify, warmUp } from './measure.mjs';
import { measureCalmly, mostRuns, widestSpread } from './spread.mjs';

const { values: given } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    sessions: { type: 'string', default: String(manySessions) },
    only: { type: 'string' },
    node: { type: 'string' },
  },
});
const rounds = Number(given.rounds);
const seconds = Number(given.seconds);
const only = given.only?.split(',');
const revoked = 1_000_000;
const results = new URL('results/', import.meta.url);

installPeers();
// They look at what has been installed. One after another: Node 20 fails to link modules that are imported at once.
const scenes = await import('./scenes.mjs');
const { browserHeaders, prepareOwn } = await import('./servers/own.mjs');
const { peers } = await import('./servers/index.mjs');
const { writeReport } = await import('./report.mjs');
const { goalRatios } = await import('./goals.mjs');
const { build, measureAgainst } = await import('./against.mjs');
const isWanted = (name) => only === undefined || only.includes(name);

/** Pairs of windows and single ones, by name. */
function recorder() {
  const found = {};
  const record = (id, entry) => {
    found[id] ??= [];
    found[id].push(entry);
  };
  return { found, record };
}

/** What of Vestibule itself is wanted. */
async function measureOwn(bench, data, isOther) {
  const own = recorder();
  const options = { record: own.record, rounds, seconds };
  const found = { pairs: own.found };
  if (isWanted(isOther ? 'other-node' : 'own')) {
    await scenes.measurePairs(bench, data, options);
  }
  if (isOther) {
    return found;
  }
  if (isWanted('sessions')) {
    await scenes.measureSessions(bench, data, options);
  }
  if (isWanted('revoked')) {
    await scenes.measureRevoked(bench, data, { ...options, revoked, rounds: rounds * 2 });
  }
  if (isWanted('replicas')) {
    await scenes.measureReplicas(bench, data, options);
  }
  if (isWanted('calls')) {
    found.calls = await scenes.countCalls(bench, data, { seconds: Math.min(2, seconds) });
  }
  return found;
}

/** Why a peer can't be measured here, or nothing. */
async function obstacle(bench, { needs }) {
  if ((needs === 'postgres' || needs === 'ory') && bench.postgres === undefined) {
    return 'no PostgreSQL at VESTIBULE_BENCH_POSTGRES_URL';
  }
  return needs === 'go' && !(await hasGo()) ? 'no Go to build it' : undefined;
}

/** One server at a time, in one order and then in the other. @param wanted some of servers/index.mjs, or in their form. */
async function measurePeers(bench, wanted) {
  const { found, record } = recorder();
  const told = {};
  const skipped = {};
  for (let round = 0; round < rounds; round += 1) {
    for (const peer of round % 2 === 0 ? wanted : wanted.toReversed()) {
      const missing = skipped[peer.name] ?? (await obstacle(bench, peer));
      if (missing !== undefined) {
        skipped[peer.name] = missing;
        continue;
      }
      bench.say(`${peer.name}, round ${round + 1} of ${rounds}`);
      const { cases, processes, stop } = await peer.start(bench);
      try {
        for (const each of cases) {
          await verify(each);
          await warmUp(each, bench.warm * 2, processes);
          record(each.id, await drive({ ...each, preload: bench.preload }, seconds, processes));
          told[each.id] = { title: each.title, kind: peer.kind, versions: peer.versions?.(bench) };
        }
      } finally {
        await stop();
      }
    }
  }
  return { windows: found, told, skipped };
}

/** Servers of one process, which Vestibule is compared with right after each other. */
const ofOneProcess = new Set([
  'fastify',
  'nest',
  'floor',
  'fastify-jwt',
  'secure-session',
  'nest-secure-session',
]);

/**
 * Vestibule and servers of one process, right after each other: what a machine answers differs from one quarter of an hour to the next by
 * more than the servers do. Not all of them at once: V8 takes room from a process that rests, and polls keep Vestibule from resting.
 */
async function measureBeside(bench, data) {
  const others = peers.filter(({ name }) => ofOneProcess.has(name));
  return measurePeers(bench, [...scenes.asPeers(data), ...others]);
}

/** The same by a generator that never sleeps. */
async function measureAwake(bench, data) {
  const preload = makeAwake(bench.folder);
  return preload === undefined ? undefined : measureBeside({ ...bench, preload }, data);
}

/** In turns with the last release, which is built beside. */
async function measureRelease(bench) {
  const path = new URL('../docs/internals/releases.json', import.meta.url);
  const { version, commit } = JSON.parse(readFileSync(path, 'utf8')).at(-1);
  const folder = mkdtempSync(join(bench.folder, 'release-'));
  const checkout = build(commit, folder, bench.say);
  // A second of each: a fast machine answers 36,000 cold cookies, and each is to come once.
  const options = { rounds, turns: 2, seconds: Math.min(1, seconds), sessions: 100_000 };
  return { version, found: await measureAgainst(bench, checkout, options) };
}

/** A whole run whose spread is too wide is measured anew. */
async function measureWell(node, isOther) {
  const measure = () => measureAll(node, isOther);
  const say = (text) => process.stderr.write(`${text}\n`);
  return only === undefined ? measureCalmly(measure, goalRatios, say) : measure();
}

async function measureAll(node, isOther) {
  const bench = await openBench({ node });
  try {
    const names = [
      'own',
      'release',
      'beside',
      'awake',
      'sessions',
      'revoked',
      'replicas',
      'calls',
      'other-node',
    ];
    const found = {
      at: new Date().toISOString(),
      machine: machine(bench),
      rounds,
      seconds,
      revoked,
      widest: widestSpread,
      most: mostRuns,
    };
    if (names.some(isWanted)) {
      bench.say(`making ${given.sessions} sessions`);
      const data = await prepareOwn(bench, Number(given.sessions));
      // Servers that ask for no credential are asked with the same request as Vestibule's unguarded route.
      bench.headers = browserHeaders(data);
      Object.assign(found, { sessions: data.sessions, own: await measureOwn(bench, data, isOther) });
      if (!isOther && isWanted('release')) {
        found.release = await measureRelease(bench);
      }
      if (!isOther && isWanted('beside')) {
        found.beside = await measureBeside(bench, data);
      }
      if (!isOther && isWanted('awake')) {
        found.awake = await measureAwake(bench, data);
      }
    }
    return isOther
      ? found
      : {
          ...found,
          peers: await measurePeers(
            bench,
            peers.filter(({ name }) => isWanted(name)),
          ),
        };
  } finally {
    await bench.close();
  }
}

function keep(found) {
  if (only === undefined) {
    mkdirSync(results, { recursive: true });
    const name = `node-${found.machine.node.split('.')[0]}.json`;
    writeFileSync(new URL(name, results), `${JSON.stringify(found, undefined, 1)}\n`);
  }
}

if (generator.name !== 'wrk') {
  process.stderr.write(
    'wrk is not installed (Debian: apt install wrk): a slower generator in Node is used\n',
  );
}
const node = given.node ?? (existsSync(imageNode) ? imageNode : process.execPath);
const found = await measureWell(node, false);
const others = [];
if (given.node === undefined && node !== process.execPath && isWanted('other-node')) {
  others.push(await measureWell(process.execPath, true));
}
// Not before all are narrow enough: otherwise nothing is written.
[found, ...others].forEach(keep);
process.stdout.write(await writeReport(found, others, only !== undefined));
