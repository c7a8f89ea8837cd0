// `npm run build && node bench/sqlite.mjs [--minutes 15]`: Kratos and Hydra on SQLite in Go (docker/sqlite) beside the same versions on SQLite
// in C (mattn/go-sqlite3, which needs a C compiler). Two whole products take turns with logins by password on the pages, so that both meet the
// same machine. Prints Markdown: logins a second, processor time and memory of Kratos and Hydra, and whether any login failed or memory grew.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parse } from 'node-html-parser';
import { buildArguments, pinnedBinaries } from '../dist/launcher/binary-pins.js';
import { findBinaries } from '../dist/launcher/binary.store.js';
import { freePort, startChild } from './child.mjs';
import { median } from './measure.mjs';
import { openBrowser } from './servers/browser.mjs';
import { table } from './tables.mjs';
import { usageOf } from './usage.mjs';

const { values: options } = parseArgs({ options: { minutes: { type: 'string', default: '15' } } });
const minutes = Number(options.minutes);
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const password = 'a long passphrase for the benchmark';
/** What Ory's programs use by themselves. */
const sqliteInC = 'github.com/mattn/go-sqlite3 v1.14.22';
const people = 20;
const lanes = 8;
/** Seconds of one turn. */
const turn = 10;
const silent = { line: () => undefined, step: () => ({ done: () => undefined, failed: () => undefined }) };

/** Builds a program with SQLite in C, from the same pinned modules. @returns its path. */
function buildInC(name, folder) {
  const source = join(folder, name);
  cpSync(join(root, 'docker', name), source, { recursive: true });
  const manifest = join(source, 'go.mod');
  writeFileSync(manifest, readFileSync(manifest, 'utf8').replace('=> ../sqlite', `=> ${sqliteInC}`));
  const program = join(folder, `${name}-in-c`);
  const args = buildArguments(pinnedBinaries[name]).map((argument) =>
    argument === '-mod=readonly' ? '-mod=mod' : argument,
  );
  execFileSync('go', [args[0], '-o', program, ...args.slice(1), pinnedBinaries[name].package], {
    cwd: source,
    env: { ...process.env, CGO_ENABLED: '1' },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return program;
}

/** Starts the whole product on data of its own, and signs its people up. */
async function startProduct(title, folder, env) {
  const port = await freePort();
  const origin = `http://localhost:${port}`;
  const { pid, stop } = await startChild({
    command: process.execPath,
    args: [join(root, 'dist/launcher/main.js')],
    env: { ...env, PORT: String(port), DATA_DIR: join(folder, title), RATE_LIMIT: 'false' },
    cwd: folder,
    log: join(folder, `${title}.log`),
    probe: `${origin}/health/ready`,
  });
  while (!(await fetch(`${origin}/health/ready`)).ok) {
    await pause(50);
  }
  const emails = Array.from({ length: people }, (_value, index) => `person-${index}@example.org`);
  for (const email of emails) {
    await submit(origin, 'signup', { 'traits.email': email, 'traits.name': 'Ada Lovelace' });
  }
  let logins = 0;
  const turns = [];
  const failures = [];
  return {
    title,
    turns,
    failures,
    stop,
    /** One turn: as many logins as fit, some at once. */
    async takeTurn() {
      const before = usageOf(oryOf(pid));
      const began = performance.now();
      let done = 0;
      await Promise.all(
        Array.from({ length: lanes }, async () => {
          while (performance.now() - began < turn * 1000) {
            logins += 1;
            try {
              await submit(origin, 'login', { identifier: emails[logins % people] });
              done += 1;
            } catch (error) {
              failures.push(error.message);
            }
          }
        }),
      );
      const after = usageOf(oryOf(pid));
      const seconds = (performance.now() - began) / 1000;
      turns.push({
        rate: done / seconds,
        cpu: ((after.cpu - before.cpu) / done) * 1000,
        resident: after.resident,
      });
      return done;
    },
  };
}

/** Process ids of Kratos and Hydra below the launcher. */
function oryOf(launcher) {
  const text = execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(launcher)], { encoding: 'utf8' });
  const found = text.split('\n').flatMap((line) => {
    // Not their clean-up, which runs every ten minutes.
    const [, pid] = /^\s*(\d+)\s+\S+\/(?:kratos|hydra)\S* serve /.exec(line) ?? [];
    return pid === undefined ? [] : [Number(pid)];
  });
  if (found.length !== 2) {
    throw new Error(`expected Kratos and Hydra below the launcher, found: ${text}`);
  }
  return found;
}

/** Opens a page, fills its form and follows it to the session. @throws when there is none at the end. */
async function submit(origin, page, fields) {
  const browser = openBrowser();
  const { url, response } = await browser.follow(`${origin}/auth/${page}`);
  const form = parse(await response.text())
    .querySelectorAll('form')
    .find((candidate) => candidate.querySelector('input[name="password"]') !== null);
  const hidden = (form?.querySelectorAll('input[type="hidden"]') ?? []).map((input) => [
    input.getAttribute('name'),
    input.getAttribute('value') ?? '',
  ]);
  const end = await browser.follow(
    new URL(form?.getAttribute('action') ?? '', url).href,
    (next) => next === `${origin}/`,
    {
      method: 'POST',
      body: new URLSearchParams({ ...Object.fromEntries(hidden), ...fields, password, method: 'password' }),
      headers: { origin, 'content-type': 'application/x-www-form-urlencoded' },
    },
  );
  if (!(await browser.cookies(origin)).includes('vestibule=')) {
    const told = parse(await end.response.text())
      .querySelector('main')
      ?.textContent.replaceAll(/\s+/g, ' ');
    throw new Error(
      `a ${page} ended at ${new URL(end.url).pathname} (${end.response.status}) without a session: ${told}`,
    );
  }
}

const folder = mkdtempSync(join(tmpdir(), 'vestibule-sqlite-'));
const products = [];
try {
  await findBinaries(['kratos', 'hydra', 'mailpit'], process.env, silent);
  const inC = { KRATOS_BIN: buildInC('kratos', folder), HYDRA_BIN: buildInC('hydra', folder) };
  if (!existsSync(inC.KRATOS_BIN) || !existsSync(inC.HYDRA_BIN)) {
    throw new Error('the programs with SQLite in C were not built');
  }
  products.push(await startProduct('Go', folder, {}), await startProduct('C', folder, inC));
  for (const product of products) {
    await product.takeTurn();
    product.turns.length = 0;
  }
  const end = performance.now() + minutes * 60_000;
  for (let round = 0; performance.now() < end; round += 1) {
    for (const product of round % 2 === 0 ? products : products.toReversed()) {
      await product.takeTurn();
    }
  }
  const middle = (turns, name) => median(turns.map((entry) => entry[name]));
  process.stdout.write(
    `${table(
      [
        'SQLite in',
        'logins a second',
        'ms of a core of Kratos and Hydra for a login',
        'MB resident, first third',
        'last third',
        'turns',
        'failed',
      ],
      products.map(({ title, turns, failures }) => {
        const third = Math.max(1, Math.floor(turns.length / 3));
        return [
          title,
          middle(turns, 'rate').toFixed(1),
          middle(turns, 'cpu').toFixed(1),
          middle(turns.slice(0, third), 'resident').toFixed(0),
          middle(turns.slice(-third), 'resident').toFixed(0),
          turns.length,
          failures.length,
        ];
      }),
    )}\n`,
  );
  const failures = products.flatMap((product) => product.failures);
  if (failures.length > 0) {
    process.stdout.write(`\n${[...new Set(failures)].slice(0, 5).join('\n')}\n`);
    process.exitCode = 1;
  }
} finally {
  for (const product of products) {
    await product.stop();
  }
  rmSync(folder, { recursive: true, force: true });
}
