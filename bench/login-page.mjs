// Makes docs/internals/logins.md, and the line for sizing in scaling.md, from the runs that bench/login-run.mjs keeps.
import { mkdirSync, writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { hashTitle } from './own/people.mjs';
import { readTable } from './results.mjs';
import { share, table, whole } from './tables.mjs';

const target = new URL('../docs/internals/logins.md', import.meta.url);
const results = new URL('results/', import.meta.url);
/** What is to be reached at least: Vestibule's logins per processor second by Keycloak's. */
const goal = 1;

const sum = (parts) => Object.values(parts).reduce((total, part) => total + part, 0);
const failuresOf = ({ errors }) => sum(errors);
/** Processor seconds of all but the browsers. */
const spentBy = ({ cpu }) => sum(cpu) - cpu.browsers;
const efficiencyOf = (found) => found.logins / spentBy(found);
const withoutDatabase = (found) => found.logins / (spentBy(found) - found.cpu.PostgreSQL);
const rateOf = ({ logins, seconds }) => logins / seconds;
const millis = ({ cpu, logins }, part) => (cpu[part] === undefined ? undefined : (cpu[part] * 1000) / logins);

/** Title, value, how it's printed, and whether more is better; undefined where neither is. */
function rowsOf({ machine: { cores } }) {
  const cpu = (part) => [`${part}, ms of a core for a login`, (found) => millis(found, part), one];
  const memory = (part) => [`${part}, MB`, ({ memory }) => memory[part], whole];
  const parts = ['gateway', 'Kratos', 'Hydra', 'Keycloak', 'PostgreSQL'];
  return [
    ['logins', ({ logins }) => logins, whole],
    ['failed', failuresOf, whole, false],
    ['logins/s', rateOf, one, true],
    ['p50, ms', ({ p50 }) => p50, whole, false],
    ['p95, ms', ({ p95 }) => p95, whole, false],
    ['p99, ms', ({ p99 }) => p99, whole, false],
    ['logins per processor second, all in', efficiencyOf, share, true],
    ['logins per processor second, without PostgreSQL', withoutDatabase, share, true],
    [
      `logins/s for each of the machine’s ${cores} cores, browsers on them too`,
      (f) => rateOf(f) / cores,
      share,
      true,
    ],
    ...[...parts, 'browsers'].map(cpu),
    ['memory at the end, MB', ({ memory }) => sum(memory), whole, false],
    ...parts.map(memory),
    ['from start to ready, s', ({ start }) => start, one, false],
    ['passwords hashed anew', ({ rehashed }) => rehashed, whole],
  ];
}
const one = (value) => value.toFixed(1);

/** Markdown of a run: its table, who is better in what, and every failure with its reason. */
export function describeRun(run) {
  const { measured } = run;
  const rows = rowsOf(run).filter(([, value]) => measured.some((found) => value(found) !== undefined));
  const cells = rows.map(([title, value, print]) => [
    title,
    ...measured.map((found) => (value(found) === undefined ? '' : print(value(found)))),
  ]);
  const [{ filled }] = measured;
  return [
    `Measured ${run.at.slice(0, 10)} on ${machineOf(run)}: ${whole(run.users)} users, ${minutesOf(measured[0])} minutes after ${run.warmUp} s that
don't count, ${run.browsers} browsers. ${measured.map(({ name, version }) => `${name}: ${version}`).join('; ')}.`,
    goalOf(run),
    table(['', ...measured.map(({ name }) => name)], cells),
    betterOf(rows, measured),
    `Kratos took ${whole(run.users)} users in within ${whole(filled)} s (${whole(run.users / filled)} a second).`,
    ...measured.map(failureText),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function machineOf({ machine, java }) {
  const { cores, processor, memory, system, node, postgres } = machine;
  const runtime = java === undefined ? '' : `, ${java}`;
  return `${cores} cores (${processor}), ${memory} GB, ${system}, Node ${node}, PostgreSQL ${postgres}${runtime}`;
}

const minutesOf = ({ seconds }) => Number((seconds / 60).toFixed(1));

/** Vestibule's logins per processor second by Keycloak's; undefined where Keycloak wasn't asked. */
function ratioOf({ measured: [own, other] }) {
  return other === undefined ? undefined : efficiencyOf(own) / efficiencyOf(other);
}

function goalOf(run) {
  const ratio = ratioOf(run);
  const failed = sum(run.measured.map(failuresOf));
  const verdict = (isMet) => (isMet ? 'met' : '**missed**');
  const rows = [['failed logins', '0', whole(failed), verdict(failed === 0)]];
  if (ratio !== undefined) {
    rows.push([
      'logins per processor second, all in, Vestibule’s by Keycloak’s',
      `≥ ${share(goal)}`,
      share(ratio),
      verdict(ratio >= goal),
    ]);
  }
  return table(['', 'goal', 'measured', ''], rows);
}

function betterOf(rows, [own, other]) {
  if (other === undefined) {
    return '';
  }
  const better = (one, two) =>
    rows
      .filter(
        ([, value, , isMore]) =>
          isMore !== undefined && (isMore ? value(one) > value(two) : value(one) < value(two)),
      )
      .map(([title]) => title.replace(/, [^,]*$/, (unit) => (/^, (ms|MB|s)$/.test(unit) ? '' : unit)));
  return [
    [own, other],
    [other, own],
  ]
    .map(([one, two]) => `${one.name} is better in: ${better(one, two).join('; ') || 'nothing'}.`)
    .join('\n\n');
}

function failureText({ name, errors, errorsBefore }) {
  const told = (found, when) =>
    Object.entries(found).map(
      ([reason, count]) => `- ${name}${when}, ${whole(count)} times: ${JSON.stringify(reason)}`,
    );
  return [...told(errors, ''), ...told(errorsBefore, ', before it counted')].join('\n');
}

/** Whether the goals of a run are reached. */
export function isGood(run) {
  const ratio = ratioOf(run);
  return sum(run.measured.map(failuresOf)) === 0 && (ratio === undefined || ratio >= goal);
}

const readKept = () => readTable('login-run')?.runs ?? [];

/** Keeps a run instead of an earlier one with as many users, and writes the page. */
export async function keepRun(run) {
  const others = readKept().filter(({ users }) => users !== run.users);
  const runs = [...others, run].toSorted((one, other) => one.users - other.users);
  mkdirSync(results, { recursive: true });
  writeFileSync(new URL('login-run.json', results), `${JSON.stringify({ runs }, undefined, 1)}\n`);
  await writeLogins();
}

/** One line for operators, from the run with the most users. */
export function sizingLine() {
  const run = readKept().at(-1);
  if (run === undefined) {
    return 'Logins in the form of a published login test haven’t been measured yet: [logins.md](logins.md) says how to.';
  }
  const [own] = run.measured;
  return `**${one(efficiencyOf(own))} logins for each second of a core**, those of Kratos, Hydra and PostgreSQL included. A replica stores no session; it caches
verified tokens ([what each thing costs](#what-each-thing-costs)). Measured with ${whole(run.users)} users; [logins.md](logins.md) has the rest.`;
}

export async function writeLogins() {
  const options = await resolveConfig(target);
  writeFileSync(target, await format(page(readKept()), { ...options, parser: 'markdown' }));
}

function page(runs) {
  const parts = runs.map((run) => `## ${whole(run.users)} users\n\n${describeRun(run)}`);
  return `# Logins

Made by \`bench/login-run.mjs\` from what it measured; don't edit. How to run it: [bench/README.md](../../bench/README.md#a-login-run).

A number of browsers log people in, one login after another in each, with nothing in between. Each login is of a random user, in a browser
without cookies, from "log in" to the moment at which the application has the tokens: the authorization request, the login page, its form, the redirect with
a code, and the exchange of the code (PKCE, a confidential client). Pages are loaded without styles, scripts and pictures. Nothing is retried, and every login that
fails is told: those of the warm-up below the table, all others in it.

- **The same for both.** One after the other on the same PostgreSQL server, without TLS, with their default logs.
  Passwords are hashed by ${hashTitle}. Kratos' own setting is left as shipped: it checks a hash with the parameters in it, and hashes
  anew only what isn't Argon2id. The last row of the table counts the passwords that were; 0 is right.
- **Vestibule** is the gateway as its image starts it, with limits of requests off, because all users have one address. Its part of a login goes on to the
  session: it is the application's server as well, keeps users and an audit trail, and sets a cookie. The first login of each user adds them to its database.
- **Keycloak** is \`kc.sh build\` and \`kc.sh start --optimized\` with a realm as it is by default: its caches, user sessions kept in the database, and the
  memory that its script gives to Java outside a container (\`-Xms64m -Xmx512m\`). The application's server is the benchmark, which exchanges the code and checks nothing: that
  isn't in Keycloak's processor time.
- **Users** are put into Kratos by its batch import. In Keycloak, one is imported with its realm, and the others are copies of all its rows, made by SQL.
- **Processor time** includes that of processes that have ended. "All in" is all but the browsers'. A virtual CPU is a core of the machine. Memory is PSS, in which pages
  that processes share are divided among them, right after the last login.
- **Start** is on databases that are there, with the check for migrations: of Kratos and Hydra, and then of the gateway; of Keycloak, once it is built.

${parts.length === 0 ? 'No run is kept yet.' : parts.join('\n\n')}
`;
}
