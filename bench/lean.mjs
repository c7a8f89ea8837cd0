// `npm run build && node bench/lean.mjs [--against COMMIT] [--rounds 5] [--starts 10] [--node PATH] [--first]`: what `npm start` takes of memory and time, of this
// checkout in turns with another commit. Needs Linux, and Go the first time. Prints Markdown.
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { programCache } from '../scripts/preflight.mjs';
import { freePort } from './child.mjs';
import { loginAt } from './own/password.login.mjs';
import { median, spreadOf } from './measure.mjs';
import { share, spread, table } from './tables.mjs';
import { familyOf, pssOf } from './usage.mjs';

/** What is to be reached: megabytes of PSS after a login, and parts of the other commit's time. */
const goals = { gateway: 130, stack: 350, firstStart: 0.85, secondStart: 0.8 };
/** Idle seconds after a login. */
const restful = 60;
const startLimit = 15 * 60_000;
const stopLimit = 15_000;

const { values: options } = parseArgs({
  options: {
    against: { type: 'string', default: 'd2310b45' },
    rounds: { type: 'string', default: '5' },
    starts: { type: 'string', default: '10' },
    node: { type: 'string', default: process.execPath },
    first: { type: 'boolean', default: false },
  },
});

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'vestibule-lean-'));
const say = (text) => process.stderr.write(`${text}\n`);
const running = new Set();

// Whatever ends the measurement ends what it started: the children of a launcher go with it.
process.on('exit', () => {
  for (const { pid } of running) {
    killGroup(pid, 'SIGKILL');
  }
  rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => process.exit(1));
}

function killGroup(pid, signal) {
  try {
    process.kill(-pid, signal);
  } catch {
    // It has just ended.
  }
}

/**
 * `npm start` in a checkout. Its Node is a copy that no other process has: pages of a program's file are shared by all that run it, and
 * PSS counts each one's part alone.
 */
async function startIn(side) {
  const log = openSync(join(side.folder, 'start.log'), 'a');
  const began = performance.now();
  const child = spawn('npm', ['start'], {
    cwd: side.checkout,
    detached: true,
    env: {
      HOME: homedir(),
      DATA_DIR: side.data,
      PORT: String(side.port),
      PUBLIC_URL: side.origin,
      ADMIN_EMAIL: side.email,
      ADMIN_PASSWORD: side.password,
      ...side.env,
      PATH: `${side.programs}:${process.env.PATH}`,
    },
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  running.add(child);
  const exited = once(child, 'exit').finally(() => running.delete(child));
  while (!(await isReady(side))) {
    if (child.exitCode !== null || performance.now() - began > startLimit) {
      throw new Error(
        `${side.name} did not start:\n${readFileSync(join(side.folder, 'start.log'), 'utf8').slice(-3000)}`,
      );
    }
    await pause(10);
  }
  const time = performance.now() - began;
  return {
    time,
    cpu: familyOf(child.pid).reduce((sum, { spent }) => sum + spent, 0) * 1000,
    pid: child.pid,
    async stop() {
      killGroup(child.pid, 'SIGTERM');
      const force = setTimeout(() => killGroup(child.pid, 'SIGKILL'), stopLimit);
      await exited;
      clearTimeout(force);
      // npm may end before the launcher, which leaves the data folder last of all, or is killed and leaves a gateway that ends soon.
      while (existsSync(join(side.data, 'launcher.lock')) || (await isAnswered(side))) {
        await pause(20);
      }
    },
  };
}

const isReady = ({ origin }) =>
  fetch(`${origin}/health/ready`).then(
    async (response) => response.ok && (await response.json()).status === 'ok',
    () => false,
  );
const isAnswered = ({ origin }) =>
  fetch(`${origin}/health/live`).then(
    () => true,
    () => false,
  );

/** Megabytes of PSS by process. */
function memoryOf(pid) {
  const found = {};
  for (const { pid: member, command } of familyOf(pid)) {
    const name = nameOf(command);
    found[name] = (found[name] ?? 0) + pssOf(member);
  }
  return found;
}

function nameOf(command) {
  const text = command.join(' ');
  const kinds = [
    ['gateway', /dist\/main\.js/],
    ['launcher', /scripts\/start\.mjs$/],
    ['Kratos', /kratos\.yml/],
    ['Hydra', /hydra\.yml/],
    ['Mailpit', /mailpit/],
    ['npm', /^npm\b/],
  ];
  return kinds.find(([, pattern]) => pattern.test(text))?.[0] ?? 'shells';
}

/** A side of the comparison, with programs of its own in a folder of its own. */
async function openSide(name, checkout) {
  const own = join(folder, name);
  const programs = join(own, 'bin');
  mkdirSync(programs, { recursive: true });
  copyFileSync(options.node, join(programs, 'node'));
  const cache = join(own, 'cache');
  mkdirSync(cache);
  const shared = programCache(process.env);
  for (const file of existsSync(shared) ? readdirSync(shared) : []) {
    if (/^(?:kratos|hydra|mailpit)-/.test(file) && statSync(join(shared, file)).isFile()) {
      copyFileSync(join(shared, file), join(cache, file));
    }
  }
  const port = await freePort();
  return {
    name,
    checkout,
    folder: own,
    programs,
    port,
    origin: `http://localhost:${port}`,
    data: join(own, 'data'),
    email: 'admin@example.org',
    password: randomBytes(12).toString('base64url'),
    env: { VESTIBULE_CACHE: cache },
  };
}

/** A clone of a commit; its first start installs and builds it. A folder is taken as it is. */
function checkoutOf(commit, name) {
  if (existsSync(commit)) {
    return resolve(commit);
  }
  const checkout = join(folder, `${name}-checkout`);
  const hash = execFileSync('git', ['rev-parse', '--verify', `${commit}^{commit}`], {
    cwd: root,
    encoding: 'utf8',
  }).trim();
  execFileSync('git', ['clone', '--quiet', '--no-checkout', root, checkout]);
  execFileSync('git', ['checkout', '--quiet', hash], { cwd: checkout });
  return checkout;
}

/** Both at once: each has programs of its own, and memory isn't divided as cores are. */
async function measureMemory(sides, rounds) {
  const found = sides.map(() => []);
  for (let round = 0; round < rounds; round += 1) {
    say(`memory, round ${round + 1} of ${rounds}`);
    const started = [];
    try {
      for (const side of sides) {
        started.push(await startIn(side));
        await loginAt(side);
      }
      await pause(restful * 1000);
      started.forEach(({ pid }, index) => found[index].push(memoryOf(pid)));
    } finally {
      await Promise.all(started.map(({ stop }) => stop()));
    }
  }
  return found;
}

async function measureStarts(sides, rounds) {
  const found = sides.map(() => []);
  for (let round = 0; round < rounds; round += 1) {
    const order = sides.map((side, index) => [side, found[index]]);
    for (const [side, starts] of round % 2 === 0 ? order : order.toReversed()) {
      const { time, cpu, stop } = await startIn(side);
      starts.push({ time, cpu });
      await stop();
    }
  }
  return found;
}

/** Clones both again and gives them empty caches of npm, Go and programs: everything is downloaded and built. */
async function measureFirstStarts(commits) {
  const found = [];
  for (const [index, commit] of commits.entries()) {
    say(`first start of ${commit}`);
    const side = await openSide(`first-${index}`, checkoutOf(commit, `first-${index}`));
    const empty = join(side.folder, 'empty');
    mkdirSync(empty);
    side.env = {
      VESTIBULE_CACHE: join(empty, 'vestibule'),
      GOCACHE: join(empty, 'go-build'),
      GOMODCACHE: join(empty, 'go-modules'),
      // So that the folder can be removed.
      GOFLAGS: '-modcacherw',
      npm_config_cache: join(empty, 'npm'),
    };
    const { time, cpu, stop } = await startIn(side);
    await stop();
    found.push([{ time, cpu }]);
  }
  return found;
}

function memoryRows([now, then]) {
  const names = ['gateway', 'Kratos', 'launcher', 'Hydra', 'npm', 'Mailpit', 'shells'];
  const sum = (round) => Object.values(round).reduce((total, megabytes) => total + megabytes, 0);
  const row = (title, read, goal) => [
    title,
    spread(spreadOf(now.map(read)), (value) => value.toFixed(0)),
    spread(spreadOf(then.map(read)), (value) => value.toFixed(0)),
    goal === undefined ? '' : `≤ ${goal} MB`,
    goal === undefined ? '' : median(now.map(read)) <= goal ? 'reached' : 'MISSED',
  ];
  return [
    ...names.map((name) =>
      row(`${name}, MB`, (round) => round[name] ?? 0, name === 'gateway' ? goals.gateway : undefined),
    ),
    row('together, MB', sum, goals.stack),
  ];
}

function startRows(title, [now, then], goal) {
  const of = (starts, name) => starts.map((start) => start[name] / 1000);
  const row = (what, name, limit) => {
    const ratio = median(of(now, name)) / median(of(then, name));
    return [
      `${title}, ${what}`,
      spread(spreadOf(of(now, name)), share),
      spread(spreadOf(of(then, name)), share),
      limit === undefined ? share(ratio) : `${share(ratio)} (≤ ${limit})`,
      limit === undefined ? '' : ratio <= limit ? 'reached' : 'MISSED',
    ];
  };
  return [row('s', 'time', goal), row('s of a core', 'cpu')];
}

const rows = [];
const sides = [
  await openSide('now', root.replace(/\/$/, '')),
  await openSide('then', checkoutOf(options.against, 'then')),
];
if (options.first) {
  rows.push(
    ...startRows('first start', await measureFirstStarts(['HEAD', options.against]), goals.firstStart),
  );
}
say('preparing both');
await measureStarts(sides, 1);
if (Number(options.starts) > 0) {
  say('second starts');
  rows.push(
    ...startRows('second start', await measureStarts(sides, Number(options.starts)), goals.secondStart),
  );
}
if (Number(options.rounds) > 0) {
  rows.unshift(...memoryRows(await measureMemory(sides, Number(options.rounds))));
}
process.stdout.write(`${table(['', 'now', options.against, 'goal', ''], rows)}\n`);
