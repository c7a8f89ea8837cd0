// `node bench/simulate.mjs`: how fast an end of a session reaches 100 replicas, and what happens when 50,000 tokens come to their end
// together. A discrete-event simulation: no network, no clock, seeded random, so every run prints the same. No build is needed: the
// product's own limits are read from its source. Prints Markdown, which stands in docs/internals/scaling.md.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/** A constant of the product's source, so that the simulation can't say something else. */
function constantOf(file, name) {
  const text = readFileSync(new URL(`../src/${file}`, import.meta.url), 'utf8');
  const found = new RegExp(`(?:const ${name} = |\\b${name}: (?:duration\\.default\\()?)([\\d_.]+)`).exec(
    text,
  )?.[1];
  if (found === undefined) {
    throw new Error(`${file} has no ${name}: the simulation must follow`);
  }
  return Number(found.replaceAll('_', ''));
}

/** What the product does: milliseconds, and seconds where it says so. */
export const product = {
  poll: constantOf('session/revocation/revocation-feed.ts', 'pollMilliseconds'),
  overlap: constantOf('session/revocation/revocation-feed.ts', 'overlapMilliseconds'),
  keyPoll: constantOf('session/tokens/signing-key-ring.ts', 'pollMilliseconds'),
  longestRedisDelay: constantOf('platform/pubsub/redis-channel.ts', 'longestDelay'),
  redisConnect: constantOf('platform/pubsub/redis-channel.ts', 'connectTimeout'),
  databaseConnect: constantOf('platform/database/database-connection.ts', 'connectionTimeoutMillis'),
  databaseSilence: constantOf('platform/database/database-connection.ts', 'query_timeout'),
  poolSize: constantOf('platform/database/database-connection.ts', 'max'),
  tokenLife: constantOf('platform/config/common.variables.ts', 'TOKEN_TTL') * 1000,
  lastPart: constantOf('session/tokens/token.service.ts', 'lastPart'),
  chancePart: constantOf('session/tokens/token.service.ts', 'chancePart'),
  clockAllowance: constantOf('session/revocation/revocation-list.ts', 'clockAllowance'),
  timeout: constantOf('login/session-renewal.ts', 'timeout'),
  share: constantOf('login/session-renewal.ts', 'shareMilliseconds'),
};

/** What is assumed. Change it and run again. */
export const assumed = {
  replicas: 100,
  /** Ends of sessions a second, for two minutes. */
  endsPerSecond: 20,
  seconds: 120,
  /** One way to Redis and one way back, and a read of the database: least and most milliseconds. */
  hop: [0.2, 1],
  read: [1, 5],
  /** Milliseconds by which Redis reaches one subscriber after the other. */
  perSubscriber: 0.005,
  sessions: 50_000,
  /** Mean milliseconds between two requests of a session in use, exponentially distributed. */
  gap: 30_000,
  /** Renewals that database and provider do in a second, and how long one takes when nothing waits. */
  capacity: 500,
  renewal: 10,
};

/** Mulberry32: small, seeded, the same everywhere. @returns numbers from 0 to 1. */
function randomFrom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Events in the order of their times; those of one time in the order in which they were put in. */
class Agenda {
  #heap = [];
  #count = 0;

  at(time, act) {
    const heap = this.#heap;
    const entry = { time, order: this.#count++, act };
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (isBefore(heap[parent], entry)) {
        break;
      }
      heap[index] = heap[parent];
      index = parent;
    }
    heap[index] = entry;
  }

  /** Runs until nothing is left before this time. */
  run(until) {
    const heap = this.#heap;
    while (heap.length > 0 && heap[0].time <= until) {
      const first = heap[0];
      const last = heap.pop();
      if (heap.length > 0) {
        let index = 0;
        for (;;) {
          let child = 2 * index + 1;
          if (child >= heap.length) {
            break;
          }
          if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) {
            child += 1;
          }
          if (isBefore(last, heap[child])) {
            break;
          }
          heap[index] = heap[child];
          index = child;
        }
        heap[index] = last;
      }
      first.act(first.time);
    }
  }
}

function isBefore(one, other) {
  return one.time < other.time || (one.time === other.time && one.order < other.order);
}

/** Counts by the second. */
class Seconds {
  #counts = new Map();

  add(time, much = 1) {
    const second = Math.floor(time / 1000);
    this.#counts.set(second, (this.#counts.get(second) ?? 0) + much);
  }

  /** The busiest second between two moments. */
  peak(from = 0, to = Number.POSITIVE_INFINITY) {
    let most = 0;
    for (const [second, count] of this.#counts) {
      most = second * 1000 >= from && second * 1000 < to ? Math.max(most, count) : most;
    }
    return most;
  }
}

function percentile(values, part) {
  const sorted = Float64Array.from(values).sort();
  return sorted.length === 0 ? 0 : sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
}

/**
 * How ends of sessions reach every replica.
 * @param world `redis`: whether there is one. `redisGone`, `partition`: [from, to] in milliseconds; the partition cuts one
 *   replica off from both stores.
 */
export function fanOut({ redis, redisGone, partition }, settings = assumed) {
  const { replicas, endsPerSecond, seconds, hop, read, perSubscriber } = settings;
  const random = randomFrom(7);
  const between = ([least, most]) => least + random() * (most - least);
  const agenda = new Agenda();
  const reads = new Seconds();
  const horizon = (seconds + 30) * 1000;
  const ends = Array.from({ length: endsPerSecond * seconds }, () => random() * seconds * 1000).sort(
    (one, other) => one - other,
  );
  const heard = ends.map(() => new Float64Array(replicas).fill(Number.POSITIVE_INFINITY));
  const cut = replicas - 1;
  const isWithin = (span, time) => span !== undefined && time >= span[0] && time < span[1];
  const isCut = (replica, time) => replica === cut && isWithin(partition, time);
  const stations = Array.from({ length: replicas }, () => ({
    known: 0,
    isReading: false,
    wasCut: false,
    listens: redis,
  }));
  let rowsRead = 0;
  let readings = 0;

  const know = (end, replica, time) => {
    heard[end][replica] = Math.min(heard[end][replica], time);
  };
  /** One reading at a time; whoever asks meanwhile shares it. */
  const readTruth = (replica, time) => {
    const station = stations[replica];
    if (station.isReading) {
      return;
    }
    station.isReading = true;
    if (isCut(replica, time)) {
      // The first hangs on a connection that went silent, those after it on the attempt to open another one.
      const silence = station.wasCut ? product.databaseConnect : product.databaseSilence;
      station.wasCut = true;
      agenda.at(time + silence, () => {
        station.isReading = false;
      });
      return;
    }
    station.wasCut = false;
    reads.add(time);
    readings += 1;
    agenda.at(time + between(read), (now) => {
      station.isReading = false;
      for (let end = station.known; end < ends.length && ends[end] <= time; end += 1) {
        know(end, replica, now);
        station.known = end + 1;
      }
    });
    rowsRead += countBetween(ends, time - product.poll - product.overlap, time);
  };
  const reconnect = (replica, time, attempt, over) => {
    const delay = Math.min(attempt * 50, product.longestRedisDelay);
    agenda.at(time + delay, (now) => {
      if (now < over) {
        // Refused at once where nobody listens, no answer at all where the way is cut.
        const wasted = isCut(replica, now) ? product.redisConnect : between(hop);
        reconnect(replica, now + wasted, attempt + 1, over);
        return;
      }
      agenda.at(now + between(hop) + between(hop), (there) => {
        stations[replica].listens = true;
        readTruth(replica, there);
      });
    });
  };

  for (let replica = 0; replica < replicas; replica += 1) {
    const phase = random() * product.poll;
    for (let time = phase; time < horizon; time += product.poll) {
      agenda.at(time, (now) => readTruth(replica, now));
    }
    for (let time = random() * product.keyPoll; time < horizon; time += product.keyPoll) {
      if (!isCut(replica, time)) {
        reads.add(time);
      }
    }
    for (const span of [redisGone, replica === cut ? partition : undefined]) {
      if (redis && span !== undefined) {
        agenda.at(span[0] + between(hop), (now) => {
          stations[replica].listens = false;
          reconnect(replica, now, 1, span[1]);
        });
      }
    }
  }
  ends.forEach((moment, end) => {
    // Whoever is cut off can't record an end either.
    const origin = Math.floor(random() * (partition === undefined ? replicas : cut));
    agenda.at(moment, (time) => {
      know(end, origin, time);
      if (!redis || isWithin(redisGone, time) || !stations[origin].listens) {
        return;
      }
      const there = time + between(hop);
      for (let replica = 0; replica < replicas; replica += 1) {
        agenda.at(there + replica * perSubscriber + between(hop), (now) => {
          if (stations[replica].listens && !isCut(replica, now)) {
            know(end, replica, now);
          }
        });
      }
    });
  });
  agenda.run(horizon);

  const others = partition === undefined ? replicas : cut;
  const all = heard.map((times, end) => Math.max(...times.subarray(0, others)) - ends[end]);
  const meanwhile = ends.flatMap((moment, end) => (isWithin(redisGone ?? partition, moment) ? [end] : []));
  return {
    all,
    meanwhile: meanwhile.map((end) => all[end]),
    cutOff: partition === undefined ? [] : meanwhile.map((end) => heard[end][cut] - ends[end]),
    afterHealing:
      partition === undefined ? 0 : Math.max(...meanwhile.map((end) => heard[end][cut])) - partition[1],
    readsPeak: reads.peak(10_000, seconds * 1000),
    rowsPerReading: rowsRead / readings,
  };
}

/** How many of these sorted moments are between two. */
function countBetween(moments, from, to) {
  const before = (limit) => {
    let [low, high] = [0, moments.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      [low, high] = moments[middle] < limit ? [middle + 1, high] : [low, middle];
    }
    return low;
  };
  return before(to) - before(from);
}

/**
 * How sessions in use renew their tokens.
 * @param rule `minted`: `once` (all at the moment 0) or `spread` (evenly over a token's life). `isAhead`: whether the last
 *   part of a token's life renews. `byChance`: whether that part is longer by chance. `isSticky`: whether a session's
 *   requests always reach one replica. `isStale`: all are outdated at the moment 0.
 */
export function renewals(rule, settings = assumed) {
  const { sessions, replicas, gap, capacity, renewal } = settings;
  const random = randomFrom(11);
  const pause = () => -Math.log(1 - random()) * gap;
  const agenda = new Agenda();
  const begun = new Seconds();
  const found = { begun: 0, waited: 0, failed: 0, longest: 0 };
  const { tokenLife, lastPart, chancePart, timeout, share, databaseConnect } = product;
  const cycles = 3;
  const horizon = (cycles + 0.5) * tokenLife;
  const cycle = tokenLife * (rule.isAhead ? 1 - lastPart : 1);
  let freeAt = 0;

  /** A renewal that can't be begun before a connection's time-out fails. @returns when it's over, and how. */
  const begin = (time) => {
    begun.add(time);
    found.begun += 1;
    const start = Math.max(freeAt, time);
    if (start - time > databaseConnect) {
      return { doneAt: time + databaseConnect, isGood: false };
    }
    freeAt = start + 1000 / capacity;
    return { doneAt: start + renewal, isGood: true };
  };

  for (let index = 0; index < sessions; index += 1) {
    const home = index % replicas;
    const known = new Map();
    let mintedAt = rule.minted === 'spread' ? -random() * tokenLife * (1 - lastPart) : 0;
    let lead = 0;
    let isStale = rule.isStale === true;
    const planNext = (time) => {
      lead = rule.byChance ? random() * chancePart * tokenLife : 0;
      const near = mintedAt + tokenLife * (rule.isAhead ? 1 - lastPart : 1) - lead;
      // Requests before that change nothing; the pause has no memory.
      agenda.at(Math.max(time, isStale ? 0 : near) + pause(), request);
    };
    const again = (time) => agenda.at(time + pause(), request);
    const take = (time) => {
      mintedAt = time;
      isStale = false;
      planNext(time);
    };
    const request = (time) => {
      if (time > horizon) {
        return;
      }
      const mustRenew = isStale || time >= mintedAt + tokenLife;
      const replica = rule.isSticky ? home : Math.floor(random() * replicas);
      let outcome = known.get(replica);
      const isRecent = outcome !== undefined && time < outcome.doneAt + share;
      const isRunning = isRecent && time < outcome.doneAt;
      if (isRecent && !mustRenew && (isRunning || !outcome.isGood)) {
        again(time);
        return;
      }
      if (!isRecent || (!isRunning && !outcome.isGood)) {
        outcome = begin(time);
        known.set(replica, outcome);
      }
      const wait = Math.max(0, outcome.doneAt - time);
      if (!mustRenew && wait > timeout) {
        again(time);
        return;
      }
      found.longest = Math.max(found.longest, wait);
      found.waited += wait > timeout ? 1 : 0;
      if (outcome.isGood) {
        take(time + wait);
      } else {
        found.failed += 1;
        again(time + wait);
      }
    };
    planNext(0);
  }
  agenda.run(horizon);
  return {
    ...found,
    peaks: Array.from({ length: cycles }, (_value, index) =>
      begun.peak(cycle * (index + 0.5), cycle * (index + 1.5)),
    ),
    peak: begun.peak(rule.minted === 'spread' ? tokenLife : 0),
    each: found.begun / sessions,
  };
}

const whole = (value) => Math.round(value).toLocaleString('en');
const time = (value) =>
  value < 10
    ? `${value.toFixed(1)} ms`
    : value < 1000
      ? `${whole(value)} ms`
      : `${(value / 1000).toFixed(1)} s`;

function table(head, rows) {
  const cells = [head, head.map((_cell, index) => (index === 0 ? '---' : '---:')), ...rows];
  return cells.map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/** All of it, as Markdown. */
export function report(settings = assumed) {
  const outage = [45_000, 75_000];
  const worlds = [
    ['Redis', { redis: true }],
    ['no Redis', { redis: false }],
    ['Redis lost for 30 s: ends of that time', { redis: true, redisGone: outage }],
    ['one replica cut off for 30 s: the other 99', { redis: true, partition: outage }],
  ].map(([name, world]) => [name, fanOut(world, settings)]);
  const cutOff = worlds.at(-1)[1];
  const fanOutRows = worlds.map(([name, { all, meanwhile, readsPeak }], index) => {
    const times = index === 2 ? meanwhile : all;
    return [name, ...[0.5, 0.95, 0.99, 1].map((part) => time(percentile(times, part))), whole(readsPeak)];
  });
  fanOutRows.push([
    'the replica that was cut off: ends of that time',
    ...[0.5, 0.95, 0.99, 1].map((part) => time(percentile(cutOff.cutOff, part))),
    '',
  ]);

  const ample = { ...settings, capacity: Number.POSITIVE_INFINITY };
  const once = { minted: 'once', isAhead: true, byChance: true };
  const demand = [
    ['logins spread over time', { minted: 'spread', isAhead: true, byChance: true }],
    ['all minted at once', once],
    ['all at once, were nothing renewed ahead', { minted: 'once', isAhead: false }],
    ['all at once, were there no chance', { ...once, byChance: false }],
  ].map(([name, rule]) => {
    const { peak, peaks } = renewals(rule, ample);
    return [name, whole(peak), ...(rule.minted === 'spread' ? peaks.map(() => '') : peaks.map(whole))];
  });
  const strained = [
    ['all at once', once],
    ['all at once, each session at one replica', { ...once, isSticky: true }],
    ['all at once, were nothing renewed ahead', { minted: 'once', isAhead: false }],
    ['all at once, were there no chance', { ...once, byChance: false }],
    ['all outdated at once (`vestibule revoke org`)', { ...once, isStale: true }],
  ].map(([name, rule]) => {
    const { begun, waited, failed, longest, each } = renewals(rule, settings);
    return [name, whole(begun), each.toFixed(1), whole(waited), whole(failed), time(longest)];
  });

  return `Time until every replica knows of an end, of ${whole(settings.endsPerSecond * settings.seconds)} ends in ${settings.seconds} s on ${settings.replicas} replicas, and the database's busiest second:

${table(['', 'half', '95%', '99%', 'all', 'reads/s'], fanOutRows)}

A reading brings ${whole(cutOff.rowsPerReading)} rows on average, because each one looks back ${time(product.poll + product.overlap)}. The replica that was cut off knows everything ${time(cutOff.afterHealing)} after its way is free again.

Renewals in the busiest second, of ${whole(settings.sessions)} sessions in use with a request every ${time(settings.gap)} on average; the first, second and third time that tokens come to their end:

${table(['', 'busiest', 'first', 'second', 'third'], demand)}

The same with a database and provider that do ${whole(settings.capacity)} renewals a second and no more, for ${whole((3.5 * product.tokenLife) / 60_000)} minutes:

${table(['', 'renewals begun', 'each session', `requests that waited > ${product.timeout} ms`, '503', 'longest wait'], strained)}`;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.stdout.write(`${report()}\n`);
}
