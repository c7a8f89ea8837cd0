// Makes docs/internals/performance.md from what was measured. `node bench/report.mjs` makes it anew from bench/results without measuring.
import { existsSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { bestInFrame, comparisonsOf, goalsOf, ratiosOf, statelessPeers } from './goals.mjs';
import { connections } from './load.mjs';
import { writeLogins } from './login-page.mjs';
import { median, spreadOf } from './measure.mjs';
import { writePlan } from './plan.mjs';
import { readRuns, readTable } from './results.mjs';
import { pairs } from './servers/own.mjs';
import { middle, share, spread, table, whole, windowHead, windowRow } from './tables.mjs';

const target = new URL('../docs/internals/performance.md', import.meta.url);

/** Vestibule's median requests a second by each stateless peer's. */
function statelessPart(found) {
  const { own, peers } = found;
  if (own?.pairs.cookie === undefined || own.pairs.cold === undefined || peers === undefined) {
    return '';
  }
  const rate = (id) => median(own.pairs[id].map(({ guarded }) => guarded.rate));
  const [hot, cold] = [rate('cookie'), rate('cold')];
  return `Vestibule's requests a second, as shipped, by those of each peer that asks nobody:

${table(
  ['', 'hot cookie', 'cold cookie'],
  statelessPeers(peers).map((peer) => [peer.title, share(hot / peer.rate), share(cold / peer.rate)]),
)}
${forwardAuth(found)}`;
}

/** Both answer a proxy's question and nothing more. */
function forwardAuth({ own, peers }) {
  const [ours, theirs] = [own.pairs.verify, peers.windows['oauth2-proxy-auth']];
  if (ours === undefined || theirs === undefined) {
    return '';
  }
  const ratio = median(ours.map(({ guarded }) => guarded.rate)) / middle(theirs, 'rate');
  return `\nForward auth alone answers ${share(ratio)} times the requests of oauth2-proxy's.\n`;
}

function goalTable(goals) {
  return table(
    ['requests a second, as a ratio', 'goal', 'median (least–most)', 'by processor time', ''],
    goals.map((goal) => [
      goal.title,
      `≥ ${share(goal.goal)}`,
      spread(goal, share),
      share(goal.processor),
      goal.median >= goal.goal ? 'met' : '**missed**',
    ]),
  );
}

function comparisonTable(beside) {
  return table(
    ['requests a second, as a ratio', 'median (least–most)', 'by processor time'],
    comparisonsOf(beside).map((each) => [each.title, spread(each, share), share(each.processor)]),
  );
}

function ownWindows({ own }) {
  const rows = [];
  const add = (title, entries, role) => {
    if (entries !== undefined) {
      rows.push([title, entries.map((entry) => entry[role])]);
    }
  };
  add('Vestibule, unguarded', own?.pairs.cookie, 'base');
  for (const { id, title } of pairs) {
    add(`Vestibule, ${title}`, own?.pairs[id], 'guarded');
  }
  return rows;
}

/** How near the frame's own limit: no goal, since nothing in it can be left out. */
function frameLimit(measured) {
  const rate = (id) => middle(measured.windows[id], 'rate');
  const limit = rate('nest');
  const told = [
    ['own unguarded as shipped', 'own-open'],
    ['own unguarded without access log', 'quiet-open'],
    ['hot cookie as shipped', 'own-hot'],
    ['hot cookie without access log', 'quiet-hot'],
  ].map(([title, id]) => `${title} ${share(rate(id) / limit)}`);
  const best = bestInFrame(statelessPeers(measured));
  const [hot, cold] = [rate('floor-hot'), rate('floor-cold')];
  return `Of what a route of Nest on Fastify answers that has no guard, no log and no headers of its own (${whole(limit)} a second): ${told.join(', ')}.

A guard by hand in Nest that does nothing but open an encrypted cookie (\`bench/peers/floor.mjs\`: no log, no revocation, no second key) answers ${share(hot / limit)} of it when
it remembers what it opened, ${share(cold / limit)} when it opens each, and ${share(hot / best.rate)} and ${share(cold / best.rate)} times ${best.title}. Opening alone takes ${micros(cold, limit)} µs of a request.
`;
}

/** Microseconds that a request takes longer. */
function micros(rate, base) {
  return (1e6 / rate - 1e6 / base).toFixed(0);
}

/** One row for each case. @param rows titles with windows. @param bare those of bare Fastify. */
function everybody(rows, bare) {
  const base = bare && middle(bare, 'rate');
  const sorted = rows.toSorted((one, other) => middle(other[1], 'rate') - middle(one[1], 'rate'));
  return table(
    ['', 'requests/s, median (least–most)', ...(bare ? ['by Fastify'] : []), ...windowHead],
    sorted.map(([title, windows]) => windowRow(title, windows, base)),
  );
}

/** Servers that were measured one at a time. */
function oneByOne(found) {
  const told = Object.entries(found.peers?.told ?? {});
  return everybody(
    [
      ...ownWindows(found),
      ...told.map(([id, { title, kind }]) => [
        kind === 'asking' ? `${title} †` : title,
        found.peers.windows[id],
      ]),
    ],
    found.peers?.windows.fastify,
  );
}

function besidePart({ beside }) {
  return beside === undefined
    ? ''
    : `These comparisons have no goal: a server that does less answers more.\n\n${comparisonTable(beside)}\n\n${frameLimit(beside)}\n${rightAfter(beside)}`;
}

/** Servers that were measured right after each other. */
function rightAfter({ windows, told }) {
  return everybody(
    Object.entries(told).map(([id, { title }]) => [title, windows[id]]),
    windows.fastify,
  );
}

function sessionsPart({ own }) {
  const counts = [1, 1000, 100_000].filter((count) => own?.pairs[`sessions-${count}`] !== undefined);
  if (counts.length === 0) {
    return '';
  }
  const one = own.pairs['sessions-1'];
  const rows = counts.map((count) => {
    const windows = own.pairs[`sessions-${count}`];
    const slower = middle(windows, 'p99') / middle(one, 'p99');
    const isMet = middle(windows, 'resident') <= 400 && slower <= 1.5;
    return [...windowRow(whole(count), windows), share(slower), isMet ? 'met' : '**missed**'];
  });
  return `## Many sessions

Sessions in turn, all of them seen before. Goals: 100,000 hot sessions take 400 MB at most, and their p99 is within 1.5 times one session's.

${table(['hot sessions', 'requests/s, median (least–most)', ...windowHead, 'p99 / one session’s', ''], rows)}
`;
}

function callsPart({ own }) {
  return own?.calls === undefined
    ? ''
    : `## What a guarded request asks

Statements and outgoing calls that began while a request was being answered; polls, which go on beside them, don't count. An API key is
read once a minute, and had just been.

${table(
  ['', 'requests', 'database statements', 'outgoing calls', 'connections opened', 'requests at the provider'],
  own.calls.map(({ title, requests, statements, calls, connections: opened, provider }) => [
    title,
    whole(requests),
    statements,
    calls,
    opened,
    provider,
  ]),
)}
`;
}

function awakePart({ awake }) {
  return awake === undefined
    ? ''
    : `## With a generator that stays awake

wrk is faster than most servers here, sleeps between answers, and is woken by each of them: in a virtual machine that is a large part of what
an answer costs the server, and the fastest servers don't pay it. Here servers of one process are asked by a wrk that never sleeps
(\`bench/load/awake.c\`); one of several processes would have to share the processor with it.

${besidePart({ beside: awake })}
`;
}

function replicasPart({ own, machine: { cores } }) {
  const entries = own?.pairs.replicas;
  return entries === undefined
    ? ''
    : `## Two replicas

Two processes, each with a load generator of its own, answered ${spread(spreadOf(ratiosOf(entries)), share)} times the requests of one. There are
${cores} cores here for replicas and generators together, so this says only that they don't stand in each other's way.
`;
}

function othersPart(others) {
  return others
    .filter(({ own }) => Object.keys(own?.pairs ?? {}).length > 0)
    .map(
      (other) => `## Node ${other.machine.node}

The same of Vestibule on this Node.

${goalTable(goalsOf(other))}

${table(
  ['', 'requests/s, median (least–most)', ...windowHead],
  ownWindows(other).map(([title, windows]) => windowRow(title, windows)),
)}
`,
    )
    .join('\n');
}

/** What bench/growth.mjs and bench/login.mjs have kept. */
function keptPart(name, title, text) {
  const kept = readTable(name);
  if (kept === undefined) {
    return '';
  }
  const { at, node, head, rows } = kept;
  return `## ${title}

${text} Measured ${at.slice(0, 10)} with Node ${node}.

${table(head, rows)}
`;
}

/** What bench/profile.mjs has kept. */
function profilePart() {
  const pictures = ['unguarded', 'hot', 'cold', 'quiet'].map((id) => `[${id}](../images/profile-${id}.svg)`);
  return keptPart(
    'profile',
    'Where the time goes',
    `The processor's time of one request, by \`bench/profile.mjs\`: perf under the same load, which makes each request somewhat dearer.
Flame graphs: ${pictures.join(', ')}.`,
  );
}

/** The same of a login by password. */
function loginProfilePart() {
  return keptPart(
    'profile-login',
    'Where the time of a login goes',
    `When this was measured, a login by password at Kratos took 11 requests of the browser and 17 calls to Kratos and Hydra ([13 now](../adr/0046-calls-of-a-login.md)). Each of them is dear: code that has run some hundred times
is interpreted, or compiled without being optimised, and finds the processor's caches cold. By \`bench/profile.mjs\` too, after 600 logins: [flame graph](../images/profile-login.svg).`,
  );
}

function versionsPart({ peers }) {
  const rows = Object.values(peers?.told ?? {}).map(({ title, versions }) => [title, versions]);
  const skipped = Object.entries(peers?.skipped ?? {}).map(
    ([name, why]) => `\nNot measured: ${name} (${why}).`,
  );
  return `${table(['', 'versions'], rows)}\n${skipped.join('\n')}`;
}

/** The page of bench/rivals.mjs, once it has measured. */
function rivalsPart() {
  return existsSync(new URL('rivals.md', target))
    ? 'Real rivals, in front of the same upstream: [rivals.md](rivals.md).'
    : '';
}

/** Runs from before the rule don't state it. */
function spreadPart({ widest, most }) {
  return widest === undefined
    ? ''
    : ` A run is thrown away if the middle half of the
rounds of a ratio with a goal spreads over more than ${whole(widest * 100)} % of its median; after ${most} such runs nothing is written.`;
}

function page(found, others) {
  const { machine } = found;
  return `# Performance

Made by \`npm run bench\` from what it measured; don't edit. How the benchmark is built: [bench/README.md](../../bench/README.md).

Measured ${found.at.slice(0, 10)} on ${machine.cores} cores (${machine.processor}), ${machine.memory} GB, ${machine.system}, Node ${machine.node}${machine.postgres === null ? '' : `, PostgreSQL ${machine.postgres}`}; load by ${machine.generator}
with ${connections} connections on the same machine; ${found.rounds} rounds with windows of ${found.seconds} s. Absolute numbers are this machine's. Ratios carry over
better. Guarded and unguarded requests are measured in turns, seconds apart. Servers are measured one at a time, in one order and then in the
other; those that a goal compares right after each other, in a fresh process each.

Everybody does the same: an authenticated GET that answers \`{ sub, email }\`. Before it's measured, each server has to answer the
right user to a good credential, and to refuse the same request without one and with a broken one; an answer that isn't a success in a
window fails the whole run.

## Goals

"Own unguarded" is a \`@Public()\` route in the same process that is sent the same bytes, and so are servers without a guard. "Hot" is one session again and again, "cold" is
another session with each request, none of which the process has seen before. "As shipped" writes its access log to a file and
keeps metrics; "without access log" does neither. "By processor time" is the same ratio in processor seconds per request.
${rivalsPart()}${spreadPart(found)}

${goalTable(goalsOf(found))}

${besidePart(found)}
${profilePart()}
## Beside others

† asks a database or Ory for every request; processor time and memory are those of all processes, PostgreSQL's too. All others believe
what the request carries until it is over. So does Vestibule, but a session that was ended is refused by the next request in the
same process, and within seconds by every other replica.

${oneByOne(found)}

${statelessPart(found)}
${awakePart(found)}
${sessionsPart(found)}
${callsPart(found)}
${replicasPart(found)}
${keptPart(
  'growth',
  'Growth',
  `Every table of a PostgreSQL database from a thousand rows to a million (an organisation for ten users), by \`bench/growth.mjs\`. Near 1 in the
last column: the cost doesn't grow. A commit waits for the disk, and that differs more from hour to hour than by size.`,
)}
${keptPart(
  'login',
  'Logins and renewals',
  `By \`bench/login.mjs\`, on PostgreSQL; the provider's work isn't in the gateway's processor time. Its goals are times, and were set on a machine
where bare node:http answers 54,000 requests a second.`,
)}
${loginProfilePart()}
${othersPart(others)}
## Versions

Each in its customary form: the set-up of its README, with the secret, cookie or token that its documentation takes. They are in
\`bench/peers\`.

${versionsPart(found)}

## Guard against regressions

\`npm run bench:check\` measures Vestibule's own ratios anew, in about six minutes, and fails when one is below the stored one of
[bench/ratios.json](../../bench/ratios.json) by more than the stored spread. Times are never compared.
`;
}

/** Writes the page, and the plan that computes with the same results (bench/plan.mjs), unless it's dry. @returns the page. */
export async function writeReport(found, others, isDry) {
  const options = await resolveConfig(target);
  const text = await format(page(found, others), { ...options, parser: 'markdown' });
  if (!isDry) {
    writeFileSync(target, text);
    writePlan();
    await writeLogins();
  }
  return text;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { main, others } = readRuns();
  process.stdout.write(await writeReport(main, others, false));
}
