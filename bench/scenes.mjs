// What is measured of Vestibule itself. Whatever is compared with each other is measured in turns, in one order and then in the other.
import { ask } from './ask.mjs';
import { drive } from './load.mjs';
import { verify, warmUp } from './measure.mjs';
import { pairs, prepareRevoked, startOwn } from './servers/own.mjs';

/** Settings without an access log and metrics, as peers are that have neither. */
export const quiet = { LOG_LEVEL: 'warn', METRICS: 'off' };

/** How Vestibule runs where it's compared with other servers, and its cases by their names there. */
const runs = [
  { id: 'own', title: 'Vestibule', env: {} },
  { id: 'quiet', title: 'Vestibule without access log', env: quiet },
];
const compared = [
  { id: 'open', name: 'open-cookie', title: 'unguarded' },
  { id: 'hot', name: 'cookie', title: 'hot cookie' },
  { id: 'cold', name: 'cold', title: 'cold cookie' },
];

/** Vestibule in the form of a peer (servers/index.mjs). */
export function asPeers(data) {
  return runs.map(({ id, title, env }) => ({
    name: id,
    kind: 'own',
    start: async (bench) => {
      const { cases, ...server } = await startOwn(bench, data, env);
      const named = compared.map((each) => ({
        ...cases[each.name],
        id: `${id}-${each.id}`,
        title: `${title}, ${each.title}`,
      }));
      return { ...server, cases: named };
    },
  }));
}

/** Runs two cases in turns: the first one first in even rounds. */
async function inTurns(round, first, second) {
  for (const act of round % 2 === 0 ? [first, second] : [second, first]) {
    await act();
  }
}

/** The part of sessions that come once which is left for one turn of several. */
export function partOf(found, turn, turns) {
  const count = Math.floor(found.count / turns);
  return found.once === true ? { ...found, from: found.from + turn * count, count } : found;
}

/**
 * Each guarded case beside its unguarded one, in a fresh process each round: what a round calls cold has never been seen by it.
 * @param options.turns how often each pair is measured in a round.
 */
export async function measurePairs(bench, data, { record, rounds, seconds, turns = 1 }) {
  for (let round = 0; round < rounds; round += 1) {
    bench.say(`own routes, round ${round + 1} of ${rounds}`);
    const { cases, processes, stop } = await startOwn(bench, data);
    try {
      const ids = new Set(pairs.flatMap(({ id, base }) => [id, base]));
      for (const id of ids) {
        await verify(cases[id]);
        await warmUp(cases[id], bench.warm, processes);
      }
      for (let turn = 0; turn < turns; turn += 1) {
        const odd = (round + turn) % 2;
        for (const { id, base } of odd === 0 ? pairs : pairs.toReversed()) {
          const pair = {};
          const run = (name, role) => async () => {
            pair[role] = await drive(partOf(cases[name], turn, turns), seconds, processes);
          };
          await inTurns(odd, run(base, 'base'), run(id, 'guarded'));
          record(id, pair);
        }
      }
    } finally {
      await stop();
    }
  }
}

/** The same sessions in turn: one, a thousand, a hundred thousand, all of them seen before. */
export async function measureSessions(bench, data, { record, rounds, seconds }) {
  for (let round = 0; round < rounds; round += 1) {
    bench.say(`live sessions, round ${round + 1} of ${rounds}`);
    const { cases, processes, stop } = await startOwn(bench, data);
    try {
      for (const count of [1, 1000, 100_000]) {
        const found = cases[`sessions-${count}`];
        if (found === undefined) {
          continue;
        }
        await verify(found);
        // Until each session has been there twice: only then is it remembered.
        for (let pass = 0; pass < 2; pass += 1) {
          for (let left = Math.max(count, 1000); left > 0;) {
            const from = Math.max(0, count - left);
            const { requests } = await drive({ ...found, from, count: count - from }, bench.warm, processes);
            left -= requests;
          }
        }
        record(`sessions-${count}`, await drive(found, seconds, processes));
      }
    } finally {
      await stop();
    }
  }
}

/**
 * A hot cookie with no ended session and with a million, in two processes that run beside each other and are asked in turns. Fresh ones
 * each round: two processes of the same program differ by some percent for as long as they live.
 * @param options.turns how often they are asked in a round.
 */
export async function measureRevoked(bench, data, { record, rounds, seconds, revoked, turns = 1 }) {
  bench.say(`${revoked} ended sessions`);
  const env = await prepareRevoked(data, revoked);
  for (let round = 0; round < rounds; round += 1) {
    const none = await startOwn(bench, data);
    try {
      const million = await startOwn(bench, data, env);
      try {
        for (const { cases, processes } of [none, million]) {
          await verify(cases.cookie);
          await warmUp(cases.cookie, bench.warm * 2, processes);
        }
        for (let turn = 0; turn < turns; turn += 1) {
          const pair = {};
          const run =
            (role, { cases, processes }) =>
            async () => {
              pair[role] = await drive(cases.cookie, seconds, processes);
            };
          await inTurns(round + turn, run('base', none), run('guarded', million));
          record('revoked', pair);
        }
      } finally {
        await million.stop();
      }
    } finally {
      await none.stop();
    }
  }
}

/** One replica under load and two at the same time, each with a generator of its own. */
export async function measureReplicas(bench, data, { record, rounds, seconds }) {
  bench.say('two replicas');
  const first = await startOwn(bench, data);
  try {
    const second = await startOwn(bench, data);
    try {
      const driven = ({ cases, processes }) => drive(cases.cookie, seconds, processes);
      for (const { cases, processes } of [first, second]) {
        await warmUp(cases.cookie, bench.warm, processes);
      }
      for (let round = 0; round < rounds; round += 1) {
        const found = {};
        await inTurns(
          round,
          async () => {
            found.base = await driven(first);
          },
          async () => {
            const both = await Promise.all([driven(first), driven(second)]);
            found.guarded = { ...both[0], rate: both[0].rate + both[1].rate };
          },
        );
        record('replicas', found);
      }
    } finally {
      await second.stop();
    }
  } finally {
    await first.stop();
  }
}

/** How often guarded requests asked the database or anything else: counted inside of requests, so that polls don't. */
export async function countCalls(bench, data, { seconds }) {
  bench.say('calls of guarded requests');
  const { cases, processes, stop, origin } = await startOwn(bench, data, { BENCH_COUNT: 'true' });
  const { Host } = cases.cookie.headers;
  const counts = async () => JSON.parse((await ask(`${origin}/bench/counts`, { Host })).text);
  const found = [];
  try {
    // The process has looked at itself, and found the provider, before anything is counted.
    await warmUp(cases['open-cookie'], 2, processes);
    await verify(cases.key);
    if ((await counts()).statements === 0) {
      throw new Error('the first use of an API key asks the database, and was not counted');
    }
    for (const { id, title } of pairs) {
      // A key is read once a minute, which is this one's reading.
      await verify(cases[id]);
      const [before, seen] = [await counts(), bench.openid.seen()];
      const { requests } = await drive(cases[id], seconds, processes);
      const after = await counts();
      found.push({
        title,
        requests,
        statements: after.statements - before.statements,
        calls: after.calls - before.calls,
        connections: after.connections - before.connections,
        provider: bench.openid.seen() - seen,
      });
    }
  } finally {
    await stop();
  }
  return found;
}
