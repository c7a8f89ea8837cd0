// Makes docs/internals/rivals.md from what bench/rivals.mjs measured.
import { writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { connections } from './load.mjs';
import { median, spreadOf } from './measure.mjs';
import { mostRuns, widestSpread } from './spread.mjs';
import { column, middle, share, spread, table, whole } from './tables.mjs';

const target = new URL('../docs/internals/rivals.md', import.meta.url);
const millis = (micros) => (micros / 1000).toFixed(1);

/** When to pick each, beside its numbers. */
const advice = [
  ['none', 'the upstream alone: what no guard can exceed.'],
  [
    'nginx-cookie',
    'nginx is there already, or its memory matters most. Every request is asked about, so an ended session is refused by the next one.',
  ],
  ['caddy-cookie', 'you want certificates without set-up. It asks about every request, too.'],
  ['traefik-cookie', 'routes come from containers or Kubernetes. It asks about every request, too.'],
  ['envoy-cookie', 'Envoy is there already, as in a service mesh. It asks about every request, too.'],
  [
    'envoy-jwt',
    'only services with bearer tokens call, and a token may live until it expires. Better where nothing may be asked for a request. It knows no cookies of Vestibule, and **doesn’t learn of ended sessions**.',
  ],
  [
    'nginx-njs',
    'the same in nginx, if Envoy is too much. Debian’s module imports keys as SPKI only: a new signing key has to be written into its configuration. It **doesn’t learn of ended sessions**.',
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
  'by no guard',
  'p50 ms',
  'p99 ms',
  'CPU s / 10,000: proxy',
  'Vestibule',
  'together',
  'MB: proxy',
  'Vestibule',
  'together',
];

const guardOf = (windows, figure) =>
  median(windows.map(({ parts }) => parts.proxy[figure] + parts.gateway[figure]));

/** What asking Vestibule is to reach beside others, in requests a second. */
const goals = [
  ['nginx-cookie', 'oauth2-proxy', 1.5],
  ['nginx-bearer', 'nginx-njs', 1],
  ['envoy-bearer', 'envoy-jwt', 0.8],
];

function goalRows({ told, windows }) {
  return goals
    .filter(([asking, other]) => asking in told && other in told)
    .map(([asking, other, goal]) => {
      const ratios = windows[asking].map(({ rate }, round) => rate / windows[other][round].rate);
      const isMet = median(ratios) >= goal;
      return [
        `${told[asking].title} / ${told[other].title}`,
        `≥ ${share(goal)}`,
        spread(spreadOf(ratios), share),
        isMet ? 'met' : '**missed**',
      ];
    });
}

/** Each that verifies or logs in by itself, beside the fastest that asks Vestibule: bold where the other is better. */
function directions({ told, windows }) {
  const rate = (id) => middle(windows[id], 'rate');
  const asking = Object.keys(told).filter((id) => told[id].asks);
  const others = Object.keys(told).filter((id) => !told[id].asks && id !== 'none');
  const [best] = asking.toSorted((one, other) => rate(other) - rate(one));
  if (best === undefined) {
    return '';
  }
  const cell = (ratio, isBetter) => (isBetter ? `**${share(ratio)}**` : share(ratio));
  const rows = others.map((id) => {
    const faster = rate(id) / rate(best);
    const costs = [
      middle(windows[id], 'p99') / middle(windows[best], 'p99'),
      ...['cpu', 'memory'].map((figure) => guardOf(windows[id], figure) / guardOf(windows[best], figure)),
    ];
    return [told[id].title, cell(faster, faster > 1), ...costs.map((ratio) => cell(ratio, ratio < 1))];
  });
  const heads = [`by ${told[best].title}`, 'requests/s', 'p99', 'processor time', 'memory'];
  return `${table(heads, rows)}\n\nBold: the other is better.`;
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

Memory is PSS, after the window. The upstream's own part is in neither column.
${left.join('\n')}

## Goals

${table(['requests a second, as a ratio', 'goal', 'median (least–most)', ''], goalRows(found))}

## Where another is better

${directions(found)}

A proxy that verifies a token itself asks nobody, and lets a session that was ended in until its token expires (\`TOKEN_TTL\`).

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
