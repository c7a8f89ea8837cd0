// `npm run build && node bench/import.mjs [--users 100000] [--concurrency 1] [sqlite] [postgres://…]`: what `vestibule users import` takes, on fresh
// databases with real Kratos; and again, when everything is
// skipped. Prints Markdown.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startOry } from '../dist/launcher/ory-stack.js';
import { freePort } from './child.mjs';
import { openDatabase } from './database.mjs';
import { table } from './tables.mjs';
import { usageOf } from './usage.mjs';

const { values, positionals } = parseArgs({
  options: {
    users: { type: 'string', default: '100000' },
    concurrency: { type: 'string', default: '1' },
  },
  allowPositionals: true,
});
const users = Number(values.users);
const program = join(import.meta.dirname, '..', 'dist', 'cli', 'main.js');
const silent = { line: () => undefined, step: () => ({ done: () => undefined, failed: () => undefined }) };
/** By bcrypt with the least work that there is (4): hashes are checked at logins, and not here. */
const hashed = '$2b$04$abcdefghijklmnopqrstuuRYH9r6IeG10lmK1d4CWCC48s9cT5glq';

async function writeUsers(path) {
  const file = createWriteStream(path);
  for (let index = 0; index < users; index += 1) {
    const user = {
      id: String(index),
      email: `person-${index}@example.org`,
      emailVerified: true,
      name: `Person ${index}`,
      passwordHash: hashed,
    };
    if (!file.write(`${JSON.stringify(user)}\n`)) {
      await once(file, 'drain');
    }
  }
  file.end();
  await once(file, 'close');
}

/** Runs the command. @returns seconds, its processor seconds, and its peak memory in megabytes. */
async function run(path, env, others) {
  const before = usageOf(others).cpu;
  const startedAt = performance.now();
  const child = spawn(
    process.execPath,
    [program, 'users', 'import', '--concurrency', values.concurrency, path],
    {
      env: { PATH: process.env.PATH, NODE_ENV: 'production', ...env },
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  );
  let [peak, cpu] = [0, 0];
  const watch = setInterval(() => {
    try {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1000);
      cpu = Math.max(cpu, usageOf([child.pid]).cpu);
    } catch {
      // It has just ended.
    }
  }, 100);
  const [code] = await once(child, 'close');
  clearInterval(watch);
  if (code !== 0) {
    throw new Error(`the import ended with ${code}`);
  }
  return { seconds: (performance.now() - startedAt) / 1000, cpu, peak, kratos: usageOf(others).cpu - before };
}

async function measure(server) {
  const folder = mkdtempSync(join(tmpdir(), 'vestibule-bench-'));
  const isSqlite = server === 'sqlite';
  const open = () => openDatabase({ url: server });
  const databases = isSqlite ? [] : [await open(), await open(), await open()];
  const [kratos, hydra, own] = databases;
  const publicUrl = `http://localhost:${await freePort()}`;
  const ory = await startOry({
    dataDir: folder,
    publicUrl,
    environment: process.env,
    ...(isSqlite ? {} : { dsn: { kratos: kratos.url, hydra: hydra.url } }),
    mail: false,
    log: () => undefined,
    progress: silent,
  });
  try {
    const path = join(folder, 'users.ndjson');
    await writeUsers(path);
    const env = {
      PUBLIC_URL: publicUrl,
      DATA_DIR: folder,
      SECRETS: randomBytes(32).toString('hex'),
      ...(isSqlite ? {} : { DATABASE_URL: own.url }),
      ...ory.env,
    };
    const pids = [ory.children.kratos.pid];
    return { first: await run(path, env, pids), again: await run(path, env, pids) };
  } finally {
    await ory.stop();
    await Promise.all(databases.map((database) => database.drop()));
    rmSync(folder, { recursive: true, force: true });
  }
}

const rows = [];
for (const server of positionals.length === 0 ? ['sqlite'] : positionals) {
  const { first, again } = await measure(server);
  const name = server === 'sqlite' ? 'SQLite' : 'PostgreSQL';
  for (const [title, { seconds, cpu, peak, kratos }] of [
    [name, first],
    [`${name}, again`, again],
  ]) {
    rows.push([
      title,
      `${seconds.toFixed(0)} s`,
      Math.round(users / seconds).toLocaleString('en'),
      `${cpu.toFixed(0)} s`,
      `${kratos.toFixed(0)} s`,
      `${peak.toFixed(0)} MB`,
    ]);
  }
}
process.stdout.write(
  `${table(['', 'time', 'users a second', 'processor time', "Kratos' processor time", 'peak memory'], rows)}\n`,
);
