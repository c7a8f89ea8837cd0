// `node bench/plan.mjs`: writes the computed parts of docs/internals/scaling.md: what bench/results has of costs, the plan from those and
// from the unit costs that stand there, and what bench/simulate.mjs prints; `--check` only says whether they stand there. With settings of
// your own it prints a plan and writes nothing:
//   node bench/plan.mjs users=5000000 requests=80 peak=5
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { sizingLine } from './login-page.mjs';
import { readRuns, readTable } from './results.mjs';
import { product, report } from './simulate.mjs';
import { middle } from './tables.mjs';

const path = new URL('../docs/internals/scaling.md', import.meta.url);

/** What is assumed of people. The names are those of the formulas. */
export const assumptions = {
  active: [0.3, 'of the users use it on a day'],
  logins: [0.3, 'logins of an active user on a day'],
  requests: [200, 'guarded requests of an active user on a day'],
  visits: [5, 'visits of an active user on a day; each begins with a renewal'],
  minutes: [40, 'minutes of use by an active user on a day'],
  sessions: [1.5, 'live sessions of a user'],
  ended: [0.5, 'sessions ended by somebody for each login; the others end by themselves'],
  events: [2, 'audit events for each login'],
  retention: [365, 'days that audit events are kept (`AUDIT_RETENTION`)'],
  peak: [3, 'times the mean in the busiest hour'],
  load: [0.5, 'of a core that a replica is given to do'],
};

const day = 86_400;

/**
 * What the plan takes from bench/results, as performance.md does: value, unit, what it is, and of which measurement.
 * @throws where one of them hasn't been measured.
 */
function measuredUnits() {
  const { main } = readRuns();
  const cold = main.own?.pairs.cold;
  const logins = readTable('login');
  if (cold === undefined || logins === undefined) {
    throw new Error('bench/results has no cold cookies or no logins: run npm run bench and bench/login.mjs');
  }
  const guarded = cold.map((window) => window.guarded);
  const requests = measurement(main.at, main.machine.node);
  const rest = measurement(logins.at, logins.node);
  const value = (title) => {
    const row = logins.rows.find(([name]) => name === title);
    if (row === undefined) {
      throw new Error(`bench/results/login.json has no "${title}"`);
    }
    return row[1];
  };
  return {
    // Seconds for 10,000 requests.
    request: [
      (middle(guarded, 'cpu') / 10).toPrecision(2),
      'ms of a core',
      'guarded request with a cookie that the replica hasn’t seen',
      requests,
    ],
    renewal: [
      value('renewal, the gateway’s processor time'),
      'ms of a core',
      'renewal, with the request that brings it',
      rest,
    ],
    login: [
      value('login by password at Kratos, the gateway’s processor time above that'),
      'ms of a core',
      'login by password at Kratos, all its requests',
      rest,
    ],
    process: [
      value('resident with 100,000 hot sessions'),
      'MB',
      'process that remembers 100,000 verified tokens, the most it keeps',
      rest,
    ],
  };
}

function measurement(at, node) {
  return `${at.slice(0, 10)}, Node ${node}`;
}

/** Each row: what, how it's computed in words, how in code. `r` holds the rows before it, by name. */
const rows = [
  ['requests', 'requests/s', 'users × active × requests ÷ 86,400 × peak', (a) => perSecond(a, a.requests)],
  ['logins', 'logins/s', 'users × active × logins ÷ 86,400 × peak', (a) => perSecond(a, a.logins)],
  [
    'renewals',
    'renewals/s',
    'users × active × (visits + minutes × 60 ÷ (0.7 × token life)) ÷ 86,400 × peak',
    (a) =>
      perSecond(
        a,
        a.visits +
          (a.minutes * 60) / ((1 - product.lastPart - product.chancePart / 2) * (product.tokenLife / 1000)),
      ),
  ],
  ['ends', 'sessions ended/s', 'logins/s × ended', (a, _u, r) => r.logins * a.ended],
  [
    'requestCores',
    'cores of gateways for requests',
    'requests/s × request ÷ 1,000',
    (_a, u, r) => (r.requests * u.request) / 1000,
  ],
  [
    'renewalCores',
    'cores of gateways for renewals',
    'renewals/s × renewal ÷ 1,000',
    (_a, u, r) => (r.renewals * u.renewal) / 1000,
  ],
  [
    'loginCores',
    'cores of gateways for logins',
    'logins/s × login ÷ 1,000',
    (_a, u, r) => (r.logins * u.login) / 1000,
  ],
  [
    'cores',
    'cores of gateways at work',
    'the three together',
    (_a, _u, r) => r.requestCores + r.renewalCores + r.loginCores,
  ],
  [
    'replicas',
    'replicas',
    'cores ÷ load, at least 2',
    (a, _u, r) => Math.max(2, Math.ceil(r.cores / a.load)),
  ],
  [
    'hashing',
    'cores of Kratos for passwords',
    'logins/s × hash ÷ 1,000',
    (_a, u, r) => (r.logins * u.hash) / 1000,
  ],
  [
    'statements',
    'database statements/s',
    'logins/s × loginStatements + renewals/s × renewalStatements + ended/s × endStatements + replicas × (1 ÷ 2 s + 1 ÷ 5 s)',
    (_a, u, r) =>
      r.logins * u.loginStatements +
      r.renewals * u.renewalStatements +
      r.ends * u.endStatements +
      r.replicas * (1000 / product.poll + 1000 / product.keyPoll),
  ],
  [
    'writes',
    'database writes (commits)/s',
    'logins/s × 2 + renewals/s + ended/s + audit batches (logins/s × events, at most replicas × 10)',
    (a, _u, r) => r.logins * 2 + r.renewals + r.ends + Math.min(r.logins * a.events, r.replicas * 10),
  ],
  [
    'polled',
    'rows that polls read/s',
    'replicas ÷ 2 s × ended/s × 122 s',
    (_a, _u, r) => ((r.replicas * 1000) / product.poll) * r.ends * ((product.poll + product.overlap) / 1000),
  ],
  [
    'connections',
    'database connections at most',
    'replicas × 10',
    (_a, _u, r) => r.replicas * product.poolSize,
  ],
  [
    'gigabytes',
    'database, GB',
    '(users × userBytes + (users × sessions + logins of 7 days) × sessionBytes + logins of a day × events × retention × eventBytes) ÷ 10⁹',
    (a, u) => {
      const loginsOfDay = a.users * a.active * a.logins;
      const sessions = a.users * a.sessions + loginsOfDay * 7;
      const events = loginsOfDay * a.events * a.retention;
      return (a.users * u.userBytes + sessions * u.sessionBytes + events * u.eventBytes) / 1e9;
    },
  ],
  ['told', 'Redis: messages in/s', 'ended/s', (_a, _u, r) => r.ends],
  ['heard', 'Redis: messages out/s', 'ended/s × replicas', (_a, _u, r) => r.ends * r.replicas],
  [
    'megabytes',
    'a replica, MB',
    'process + ended/s × 2 × (token life + 120 s) × revokedBytes ÷ 10⁶',
    (_a, u, r) =>
      u.process + (r.ends * 2 * ((product.tokenLife + product.clockAllowance) / 1000) * u.revokedBytes) / 1e6,
  ],
];

function perSecond({ users, active, peak }, each) {
  return ((users * active * each) / day) * peak;
}

/** The measured unit costs, and those that a document states: rows of `| \`name\` | what | value | … |` in its part `units`. */
export function unitsOf(document) {
  const measured = Object.entries(measuredUnits()).map(([name, [value]]) => [name, numberOf(value)]);
  const found = Object.fromEntries(measured);
  for (const [, name, value] of partOf(document, 'units').matchAll(/^\| `(\w+)` +\|[^|]*\| +([\d.,]+) /gm)) {
    found[name] = numberOf(value);
  }
  return found;
}

const numberOf = (text) => Number(text.replaceAll(',', ''));

/** All numbers of one plan, by the names of its rows. */
export function plan(units, settings) {
  const found = {};
  for (const [name, , , compute] of rows) {
    found[name] = compute(settings, units, found);
  }
  const wrong = Object.entries(found).find(([, value]) => !Number.isFinite(value));
  if (wrong !== undefined) {
    throw new Error(`${wrong[0]} can't be computed: a unit cost or a setting is missing`);
  }
  return found;
}

const defaults = Object.fromEntries(Object.entries(assumptions).map(([name, [value]]) => [name, value]));

function table(units, sizes, settings) {
  const columns = sizes.map((users) => plan(units, { ...settings, users }));
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [
    line(['in the busiest hour', ...sizes.map((users) => `${users.toLocaleString('en')} users`), 'formula']),
    line(['---', ...sizes.map(() => '---:'), '---']),
    ...rows.map(([name, title, formula]) =>
      line([title, ...columns.map((column) => number(column[name])), formula]),
    ),
  ].join('\n');
}

function number(value) {
  return value === 0 || value >= 100
    ? Math.round(value).toLocaleString('en')
    : Number(value.toPrecision(2)).toLocaleString('en', { maximumSignificantDigits: 2 });
}

function partOf(document, name) {
  const part = new RegExp(`<!-- ${name} -->\\n([\\s\\S]*?)<!-- end of ${name} -->`).exec(document)?.[1];
  if (part === undefined) {
    throw new Error(`docs/internals/scaling.md has no part ${name}`);
  }
  return part;
}

/** Writes the document's computed parts anew. */
export function writePlan() {
  writeFileSync(path, render(readFileSync(path, 'utf8')));
}

/** The document with its computed parts anew. */
function render(document) {
  const listed = Object.entries(assumptions).map(
    ([name, [value, what]]) => `| \`${name}\` | ${value} | ${what} |`,
  );
  const measured = Object.entries(measuredUnits()).map(
    ([name, [value, unit, what, of]]) => `| \`${name}\` | ${what} | ${value} | ${unit} | ${of} |`,
  );
  const parts = {
    sizing: sizingLine(),
    measured: [
      '| name | what | value | unit | measured |',
      '| --- | --- | ---: | --- | --- |',
      ...measured,
    ].join('\n'),
    assumptions: ['| name | value | |', '| --- | ---: | --- |', ...listed].join('\n'),
    plan: table(unitsOf(document), [1000, 1_000_000, 100_000_000], defaults),
    simulation: report(),
  };
  return Object.entries(parts).reduce((text, [name, part]) => {
    const [begin, end] = [`<!-- ${name} -->\n`, `<!-- end of ${name} -->`];
    partOf(text, name);
    const from = text.indexOf(begin) + begin.length;
    return `${text.slice(0, from)}\n${part}\n\n${text.slice(text.indexOf(end))}`;
  }, document);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const document = readFileSync(path, 'utf8');
  const isCheck = process.argv[2] === '--check';
  const given = isCheck ? {} : Object.fromEntries(process.argv.slice(2).map((text) => text.split('=')));
  const unknown = Object.keys(given).find((name) => name !== 'users' && !(name in assumptions));
  if (unknown !== undefined) {
    process.stderr.write(`There is no ${unknown}: users, ${Object.keys(assumptions).join(', ')}.\n`);
    process.exit(1);
  }
  const settings = {
    ...defaults,
    ...Object.fromEntries(Object.entries(given).map(([name, text]) => [name, Number(text)])),
  };
  if (isCheck) {
    process.exitCode = render(document) === document ? 0 : 1;
  } else if (process.argv.length > 2) {
    process.stdout.write(`${table(unitsOf(document), [settings.users ?? 1_000_000], settings)}\n`);
  } else {
    writePlan();
  }
}
