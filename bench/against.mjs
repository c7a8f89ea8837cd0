// Another commit of Vestibule, built beside this one and measured in turns with it.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { drive } from './load.mjs';
import { median, spreadOf, toleranceOf, verify, warmUp } from './measure.mjs';
import { partOf } from './scenes.mjs';
import * as here from './servers/own.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/** What is asked of both. */
const cases = [
  { id: 'open-cookie', title: 'unguarded' },
  ...here.pairs.map(({ id, title }) => ({ id, title })),
];

/**
 * Builds a commit in a folder of its own.
 * @param commit as git takes it.
 * @returns the folder of its checkout.
 */
export function build(commit, folder, say) {
  const checkout = join(folder, 'against');
  const run = (command, ...args) =>
    execFileSync(command, args, { cwd: checkout, stdio: ['ignore', 'ignore', 'inherit'] });
  const hash = execFileSync('git', ['rev-parse', '--verify', `${commit}^{commit}`], {
    cwd: root,
    encoding: 'utf8',
  }).trim();
  say(`building ${commit} (${hash.slice(0, 8)})`);
  execFileSync('git', ['clone', '--quiet', '--shared', '--no-checkout', root, checkout]);
  run('git', 'checkout', '--quiet', hash);
  run('npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--silent');
  run('npm', 'run', '--silent', 'build');
  return checkout;
}

/**
 * Measures both in turns: each round has fresh processes, and each case is asked of the two right after each other, in one order and then
 * in the other.
 * @param checkout folder of the other one, which is built.
 * @returns by case, ratios of this tree to it in each round: `rate` and `cpu`, higher is better in both.
 */
export async function measureAgainst(bench, checkout, { rounds, turns, seconds, sessions }) {
  const there = await import(pathToFileURL(join(checkout, 'bench/servers/own.mjs')).href);
  const sides = [
    { name: 'now', own: here },
    { name: 'then', own: there },
  ];
  for (const side of sides) {
    side.data = await side.own.prepareOwn(bench, sessions);
  }
  const found = {};
  for (let round = 0; round < rounds; round += 1) {
    bench.say(`round ${round + 1} of ${rounds}`);
    const started = [];
    try {
      for (const { name, own, data } of sides) {
        started.push({ name, ...(await own.startOwn(bench, data)) });
      }
      for (const { id } of cases) {
        for (const server of started) {
          await verify(server.cases[id]);
          await warmUp(server.cases[id], bench.warm * 2, server.processes);
        }
        for (let turn = 0; turn < turns; turn += 1) {
          const windows = {};
          for (const server of (round + turn) % 2 === 0 ? started : started.toReversed()) {
            windows[server.name] = await drive(
              partOf(server.cases[id], turn, turns),
              seconds,
              server.processes,
            );
          }
          found[id] ??= { rate: [], cpu: [], micros: [] };
          found[id].rate.push(windows.now.rate / windows.then.rate);
          found[id].cpu.push(windows.then.cpu / windows.now.cpu);
          found[id].micros.push(windows.now.cpu * 100);
        }
      }
    } finally {
      for (const { stop } of started) {
        await stop();
      }
    }
  }
  return found;
}

/**
 * Writes the ratios as a table.
 * @param options.kinds which of `rate` and `cpu` count.
 * @param options.tolerance by how much a ratio may be less than 1, from its values: by default what chance explains.
 * @returns whether none is less than that.
 */
export function reportAgainst(commit, found, { kinds = ['rate', 'cpu'], tolerance = toleranceOf } = {}) {
  const lines = [`| now ÷ ${commit} | in | ratio (least–most) | allowed | |`, `|${' --- |'.repeat(5)}`];
  let isGood = true;
  for (const { id, title } of cases) {
    for (const [kind, unit] of [
      ['rate', 'requests/s'],
      ['cpu', 'processor time'],
    ]) {
      const values = found[id][kind];
      const { median: middle, least, most } = spreadOf(values);
      const allowed = 1 - tolerance(values);
      const isLower = kinds.includes(kind) && middle < allowed;
      isGood &&= !isLower;
      const numbers = `${middle.toFixed(3)} (${least.toFixed(2)}–${most.toFixed(2)}) | ${allowed.toFixed(3)}`;
      lines.push(`| ${title} | ${unit} | ${numbers} | ${isLower ? 'LOWER' : 'ok'} |`);
    }
    lines.push(`| | µs of a core for a request now | ${median(found[id].micros).toFixed(1)} | | |`);
  }
  process.stdout.write(`${lines.join('\n')}\n`);
  return isGood;
}
