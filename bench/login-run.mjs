// `npm run build && node bench/login-run.mjs [--users 10000] [--minutes 10] [--keycloak] [--browsers 8] [--node PATH]`: logins by password, one
// after another in each of a number of browsers, at the gateway with Kratos and Hydra, and then at Keycloak, each alone on the PostgreSQL of
// VESTIBULE_BENCH_POSTGRES_URL. Prints Markdown, and keeps runs of 10,000 users and 10 minutes or more for docs/internals/logins.md. Ends with 1
// when a goal is missed or a login failed.
import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { machine, openBench } from './context.mjs';
import { ask } from './database.mjs';
import { describeRun, isGood, keepRun } from './login-page.mjs';
import { writePlan } from './plan.mjs';
import { keycloak } from './servers/keycloak.mjs';
import { vestibule } from './servers/login-stack.mjs';
import { familyOf, proportionalOf } from './usage.mjs';

/** Seconds of the same load before anything counts: what V8 and the JVM compile, and caches. */
const longestWarmUp = 60;
/** More failures than this end the run: nothing is to be learnt from the rest. */
const mostErrors = 1000;

const { values: options } = parseArgs({
  options: {
    users: { type: 'string', default: '10000' },
    minutes: { type: 'string', default: '10' },
    browsers: { type: 'string', default: '8' },
    keycloak: { type: 'boolean', default: false },
    node: { type: 'string', default: process.execPath },
  },
});
const [users, seconds, browsers] = [
  Number(options.users),
  Number(options.minutes) * 60,
  Number(options.browsers),
];
const warmUp = Math.min(longestWarmUp, seconds / 2);

/** Logs random people in until the time is over. @returns milliseconds of each, and failures by reason. */
async function load(login, duration) {
  const found = { times: [], errors: {} };
  let failures = 0;
  const end = performance.now() + duration * 1000;
  const one = async () => {
    const began = performance.now();
    const failure = await login(Math.floor(Math.random() * users)).then(
      () => undefined,
      (error) => `${error.message}${error.cause?.message === undefined ? '' : `: ${error.cause.message}`}`,
    );
    if (failure === undefined) {
      found.times.push(performance.now() - began);
      return;
    }
    found.errors[failure] = (found.errors[failure] ?? 0) + 1;
    failures += 1;
    if (failures > mostErrors) {
      throw new Error(`too many logins fail: ${JSON.stringify(found.errors)}`);
    }
  };
  const browse = async () => {
    while (performance.now() < end) {
      await one();
    }
  };
  await Promise.all(Array.from({ length: browsers }, browse));
  return found;
}

/** PostgreSQL's first process, of which all others are children: they come and go. */
async function postgresOf(url) {
  const { rows } = await ask(url, "select pid from pg_stat_activity where backend_type = 'checkpointer'");
  const [{ parent }] = familyOf(rows[0].pid);
  return parent;
}

/** Processor seconds so far, those of processes that have ended included, and those of the browsers, which are this process. */
function spentBy(parts) {
  const { user, system } = process.cpuUsage();
  const spent = Object.entries(parts).map(([name, roots]) => [
    name,
    familyOf(...roots).reduce((sum, { spent }) => sum + spent, 0),
  ]);
  return { ...Object.fromEntries(spent), browsers: (user + system) / 1e6 };
}

function memoryOf(parts) {
  return Object.fromEntries(Object.entries(parts).map(([name, roots]) => [name, proportionalOf(roots)]));
}

async function measure(bench, { name, version, open }) {
  bench.say(`${name}: ${users} users`);
  const product = await open(bench, users);
  try {
    const filled = await product.fill();
    await Promise.all(product.databases.map(({ url }) => ask(url, 'vacuum analyze')));
    const began = performance.now();
    const roots = await product.start();
    const start = (performance.now() - began) / 1000;
    const parts = { ...roots, PostgreSQL: [await postgresOf(bench.postgres.url)] };
    // Fails now, not after the run, if this user may not read it.
    memoryOf(parts);
    bench.say(`${name}: filled in ${filled.toFixed(1)} s, started in ${start.toFixed(1)} s, logins`);
    const cold = await load(product.login, warmUp);
    const [before, from] = [spentBy(parts), performance.now()];
    const { times, errors } = await load(product.login, seconds);
    const [after, time] = [spentBy(parts), (performance.now() - from) / 1000];
    const memory = memoryOf(parts);
    const cpu = Object.fromEntries(Object.entries(after).map(([part, now]) => [part, now - before[part]]));
    const sorted = times.toSorted((one, other) => one - other);
    const at = (part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
    return {
      name,
      version: version(),
      filled,
      start,
      seconds: time,
      logins: times.length,
      p50: at(0.5),
      p95: at(0.95),
      p99: at(0.99),
      errors,
      errorsBefore: cold.errors,
      cpu,
      memory,
      rehashed: await product.rehashed(),
    };
  } finally {
    await product.close();
  }
}

const bench = await openBench({ node: options.node });
if (bench.postgres === undefined) {
  throw new Error('no PostgreSQL at VESTIBULE_BENCH_POSTGRES_URL');
}
try {
  const java = options.keycloak ? javaVersion() : undefined;
  const measured = [await measure(bench, vestibule)];
  if (options.keycloak) {
    // What the first has left to write is not to be the second's.
    await ask(bench.postgres.url, 'checkpoint');
    measured.push(await measure(bench, keycloak));
  }
  const kept = {
    at: new Date().toISOString(),
    machine: machine(bench),
    java,
    users,
    browsers,
    warmUp,
    measured,
  };
  process.stdout.write(`${describeRun(kept)}\n`);
  if (users >= 10_000 && seconds >= 600) {
    await keepRun(kept);
    writePlan();
  }
  process.exitCode = isGood(kept) ? 0 : 1;
} finally {
  await bench.close();
}

/** That of JAVA_HOME, or of PATH, as Keycloak's script finds it. */
function javaVersion() {
  const { JAVA_HOME: home } = process.env;
  const program = home === undefined ? 'java' : `${home}/bin/java`;
  return execFileSync(program, ['--version'], { encoding: 'utf8' }).split('\n')[0];
}
