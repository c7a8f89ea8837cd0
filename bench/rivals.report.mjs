// Makes docs/internals/rivals.md from what bench/rivals.mjs measured.
import { writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { connections } from './load.mjs';
import { median, spreadOf } from './measure.mjs';
import { mostRuns, widestSpread } from './spread.mjs';
import { column, middle, share, spread, table, whole } from './tables.mjs';

const target = new URL('../docs/internals/rivals.md', import.meta.url);
const millis = (micros) => (micros / 1000).toFixed(1);

/** When to pick each: what it can do and can't. How fast it is, the tables say. */
const advice = [
  ['none', 'the upstream alone: what no guard can exceed.'],
  [
    'nginx-cookie',
    'nginx is there already. Every request is asked about, so an ended session is refused by the next one.',
  ],
  ['caddy-cookie', 'you want certificates without set-up. It asks about every request, too.'],
  ['traefik-cookie', 'routes come from containers or Kubernetes. It asks about every request, too.'],
  ['envoy-cookie', 'Envoy is there already, as in a service mesh. It asks about every request, too.'],
  [
    'envoy-jwt',
    'only services with bearer tokens call, and a token may live until it expires. It knows no cookies of Vestibule, and **doesn’t learn of ended sessions**.',
  ],
  [
    'nginx-njs',
    'the same in nginx. Debian’s module imports keys as SPKI only: a new signing key has to be written into its configuration. It **doesn’t learn of ended sessions**.',
  ],
  [
    'haproxy',
    'the same in HAProxy, which reads the key from a file. It **doesn’t learn of ended sessions**. It has no forward auth without a script in Lua, so it isn’t measured asking Vestibule.',
  ],
  [
    'oauth2-proxy',
    'all you need is a login at one provider in front of one application: no users, organisations, roles or keys of your own. It is one process less. Its session is in the cookie, and **lives until it expires**, whatever is ended elsewhere.',
  ],
];

const guardOf = (windows, figure) =>
  median(windows.map(({ parts }) => parts.proxy[figure] + parts.gateway[figure]));

function rowOf({ told, windows }, id) {
  const of = windows[id];
  const part = (name, figure) => median(of.map(({ parts }) => parts[name][figure]));
  const { title, asks } = told[id];
  const cell = (figure, print) => (asks ? print(part('gateway', figure)) : '–');
  const guard = (figure) => guardOf(of, figure);
  return [
    title,
    spread(spreadOf(column(of, 'rate')), whole),
    windows.none === undefined ? '–' : share(middle(of, 'rate') / middle(windows.none, 'rate')),
    millis(middle(of, 'p50')),
    millis(middle(of, 'p99')),
    share(part('proxy', 'cpu')),
    cell('cpu', share),
    share(guard('cpu')),
    whole(part('proxy', 'memory')),
    cell('memory', whole),
    whole(guard('memory')),
  ];
}

const head = [
  '',
  'requests/s, median (least–most)',
  'share of no guard',
  'p50 ms',
  'p99 ms',
  'CPU s / 10,000: proxy',
  'Vestibule',
  'together',
  'MB: proxy',
  'Vestibule',
  'together',
];

/** Ways that ask Vestibule, each with one that doesn't, and the least ratio of their requests a second, where that's a goal. */
const counterparts = [
  ['nginx-cookie', 'oauth2-proxy', 1.5],
  ['nginx-bearer', 'nginx-njs', 1],
  ['envoy-bearer', 'envoy-jwt', 0.8],
  ['nginx-bearer', 'haproxy'],
];

const pairsIn = ({ told }) => counterparts.filter(([asking, other]) => asking in told && other in told);

function goalRows(found) {
  const { told, windows } = found;
  return pairsIn(found)
    .filter(([, , goal]) => goal !== undefined)
    .map(([asking, other, goal]) => {
      const ratios = windows[asking].map(({ rate }, round) => rate / windows[other][round].rate);
      return [
        `${told[asking].title} / ${told[other].title}`,
        `≥ ${share(goal)}`,
        spread(spreadOf(ratios), share),
        median(ratios) >= goal ? 'met' : '**missed**',
      ];
    });
}

/** Each that doesn't ask, as parts of its counterpart's: bold where it is better. */
function directions(found) {
  const { told, windows } = found;
  const cell = (ratio, isBetter) => (isBetter ? `**${share(ratio)}**` : share(ratio));
  const rows = pairsIn(found).map(([asking, other]) => {
    const [one, two] = [windows[other], windows[asking]];
    const faster = middle(one, 'rate') / middle(two, 'rate');
    const costs = [
      middle(one, 'p99') / middle(two, 'p99'),
      ...['cpu', 'memory'].map((figure) => guardOf(one, figure) / guardOf(two, figure)),
    ];
    return [
      told[other].title,
      told[asking].title,
      cell(faster, faster > 1),
      ...costs.map((ratio) => cell(ratio, ratio < 1)),
    ];
  });
  return table(['', 'by', 'requests/s', 'p99', 'processor time', 'memory'], rows);
}

function page(found) {
  const { machine, told, skipped } = found;
  const ids = Object.keys(told).toSorted(
    (one, other) => middle(found.windows[other], 'rate') - middle(found.windows[one], 'rate'),
  );
  const left = Object.entries(skipped).map(([title, why]) => `\nNot measured: ${title} (${why}).`);
  const versions = [...new Set(Object.values(told).map(({ version }) => version))].filter(Boolean).join(', ');
  const picks = advice
    .filter(([id]) => id in told)
    .map(([id, when]) => `- **${told[id].title}**: ${when}`)
    .join('\n');
  return `# Vestibule beside other ways to guard an application

Made by \`node bench/rivals.mjs\` from what it measured; don't edit.

Measured ${found.at.slice(0, 10)} on ${machine.cores} cores (${machine.processor}), ${machine.memory} GB, ${machine.system}, Node ${machine.node}; load by ${machine.generator} with
${connections} connections on the same machine; ${found.rounds} rounds with windows of ${found.seconds} s, in one order and then in the other, in fresh processes each. ${versions}.

All are in front of the same upstream. Before a window, each has to let the right user through with an identity header, and to refuse the same request
without a credential and with a broken one. Those that ask Vestibule have the files of [examples/forward-auth](../../examples/forward-auth), in which only
ports are others; the others have those of \`bench/rivals\`. A run is thrown away if the middle half of the rounds of anything spreads over more than
${widestSpread * 100} % of its median; after ${mostRuns} such runs nothing is written.

${table(
  head,
  ids.map((id) => rowOf(found, id)),
)}

Memory is PSS, after the window. The upstream isn't counted.
${left.join('\n')}

## Goals

${table(['requests a second, as a ratio', 'goal', 'median (least–most)', ''], goalRows(found))}

## Where another is better

${directions(found)}

Bold: the other is better. A proxy that verifies a token itself sends no request for it, and accepts the token of an ended session until it expires
(\`TOKEN_TTL\`).

## When to pick which

${picks}
`;
}

/** Writes the page, unless it's dry. @returns it. */
export async function writeRivals(found, isDry) {
  const text = await format(page(found), { ...(await resolveConfig(target)), parser: 'markdown' });
  if (!isDry) {
    writeFileSync(target, text);
  }
  return text;
}
