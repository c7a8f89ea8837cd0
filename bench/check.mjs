// `npm run bench:check`: measures Vestibule's own ratios anew, in requests a second and in processor time, and compares them with
// those of bench/ratios.json; ends with 1 when one is lower than the stored one by more than its tolerance. Ratios only: both sides
// are measured in turns, in one run on one machine.
//   --against C  measures in turns with commit C instead, which is built beside: a rate or the processor time per request must not be worse
//   --beside F    the same in a short form with the checkout in folder F, which is built; only processor time counts, and may be a fifth more
//   --store      writes what was measured into bench/ratios.json instead, with tolerances from its spread
//   --rounds N   rounds of that, by default 5
//   --node PATH  another Node for the servers
import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { installPeers, machine, openBench } from './context.mjs';
import { manySessions, median, spreadOf, toleranceOf } from './measure.mjs';

const { values: given } = parseArgs({
  options: {
    store: { type: 'boolean', default: false },
    node: { type: 'string' },
    against: { type: 'string' },
    beside: { type: 'string' },
    rounds: { type: 'string', default: '5' },
  },
});
const path = new URL('ratios.json', import.meta.url);
const setting = { rounds: 2, turns: 4, seconds: 1, sessions: manySessions, revoked: 1_000_000 };
/** A spread beyond this part of the ratio says nothing about the product. */
const widest = 0.15;

if (given.beside === undefined) {
  installPeers();
}
const [{ build, measureAgainst, reportAgainst }, { measurePairs, measureRevoked }, { prepareOwn, pairs }] =
  await Promise.all([import('./against.mjs'), import('./scenes.mjs'), import('./servers/own.mjs')]);
const titles = {
  ...Object.fromEntries(pairs.map(({ id, title }) => [id, `${title} / own unguarded`])),
  revoked: 'hot cookie with a million ended sessions / with none',
};
const kinds = { rate: 'requests/s', cpu: 'processor time' };

/** @returns the ratios of each round: `found[id].rate` and `found[id].cpu`, higher is better in both. */
async function measure() {
  const bench = await openBench(given.node === undefined ? {} : { node: given.node });
  try {
    const found = {};
    const record = (id, { base, guarded }) => {
      found[id] ??= { rate: [], cpu: [] };
      found[id].rate.push(guarded.rate / base.rate);
      found[id].cpu.push(base.cpu / guarded.cpu);
    };
    const { rounds, turns, seconds, sessions, revoked } = setting;
    const data = await prepareOwn(bench, sessions);
    await measurePairs(bench, data, { record, rounds, turns, seconds });
    await measureRevoked(bench, data, { record, rounds: rounds * turns, turns: 2, seconds, revoked });
    return { machine: machine(bench), found };
  } finally {
    await bench.close();
  }
}

const isWide = (values) => toleranceOf(values) > widest * median(values);
const tooWide = (found) =>
  Object.keys(found).filter((id) => Object.keys(kinds).some((kind) => isWide(found[id][kind])));

function store({ machine, found }) {
  const wide = tooWide(found);
  if (wide.length > 0) {
    process.stderr.write(
      `not stored: ${wide.join(', ')} spread too widely; something else keeps this machine busy\n`,
    );
    return false;
  }
  const rounded = (value) => Math.round(value * 1000) / 1000;
  const keep = (values) => ({ ratio: rounded(median(values)), tolerance: rounded(toleranceOf(values)) });
  const ratios = Object.fromEntries(
    Object.entries(found).map(([id, { rate, cpu }]) => [id, { rate: keep(rate), cpu: keep(cpu) }]),
  );
  writeFileSync(path, `${JSON.stringify({ machine, setting, ratios }, undefined, 2)}\n`);
  return true;
}

function compare({ found }) {
  const { ratios: stored } = JSON.parse(readFileSync(path, 'utf8'));
  const lines = [
    '| ratio | in | stored | least allowed | measured (least–most) | |',
    `|${' --- |'.repeat(6)}`,
  ];
  let failures = 0;
  for (const [id, ofKinds] of Object.entries(stored)) {
    for (const [kind, { ratio, tolerance }] of Object.entries(ofKinds)) {
      const { median: middle, least, most } = spreadOf(found[id][kind]);
      const isLower = middle < ratio - tolerance;
      failures += isLower ? 1 : 0;
      const [was, allowed, is, low, high] = [ratio, ratio - tolerance, middle, least, most].map((value) =>
        value.toFixed(2),
      );
      const verdict = isLower ? 'LOWER' : 'ok';
      lines.push(
        `| ${titles[id]} | ${kinds[kind]} | ${was} | ${allowed} | ${is} (${low}–${high}) | ${verdict} |`,
      );
    }
  }
  process.stdout.write(`${lines.join('\n')}\n`);
  const wide = tooWide(found);
  if (failures > 0 && wide.length > 0) {
    process.stdout.write(
      `Something else kept this machine busy (${wide.join(', ')} spread widely): measure again.\n`,
    );
  }
  return failures === 0;
}

async function compareWithCommit(commit) {
  const bench = await openBench(given.node === undefined ? {} : { node: given.node });
  try {
    const checkout = build(commit, bench.folder, bench.say);
    return reportAgainst(commit, await measureAgainst(bench, checkout, turned(Number(given.rounds))));
  } finally {
    await bench.close();
  }
}

/** For a machine that does other work too: less than a fifth can't be told from that in a minute. */
async function compareWithFolder(folder) {
  const bench = await openBench();
  try {
    return reportAgainst(basename(folder), await measureAgainst(bench, folder, turned(3)), {
      kinds: ['cpu'],
      tolerance: () => 1 / 6,
    });
  } finally {
    await bench.close();
  }
}

/** A second of each: a fast machine answers 36,000 cold cookies, and each is to come once. */
function turned(rounds) {
  return { rounds, turns: 2, seconds: 1, sessions: 100_000 };
}

async function check() {
  if (given.beside !== undefined) {
    return compareWithFolder(given.beside);
  }
  if (given.against !== undefined) {
    return compareWithCommit(given.against);
  }
  const measured = await measure();
  return given.store ? store(measured) : compare(measured);
}

process.exitCode = (await check()) ? 0 : 1;
