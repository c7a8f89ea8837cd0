// Where the processor's time of a request goes, the kernel's too, as a table and as flame graphs (perf of Debian's linux-perf).
// `npm run build && node bench/profile.mjs`; docs/performance.md has them with the next `node bench/report.mjs`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openBench } from './context.mjs';
import { flameGraph } from './flame.mjs';
import { drive } from './load.mjs';
import { manySessions, warmUp } from './measure.mjs';
import { quiet } from './scenes.mjs';
import { prepareOwn, startOwn } from './servers/own.mjs';
import { namedFunctions, stacksOf } from './stacks.mjs';
import { keepTable } from './tables.mjs';

const seconds = 6;
const images = new URL('../docs/images/', import.meta.url);
const scenes = [
  { id: 'unguarded', name: 'open-cookie', title: 'unguarded' },
  { id: 'hot', name: 'cookie', title: 'hot cookie' },
  { id: 'cold', name: 'cold', title: 'cold cookie' },
  {
    id: 'quiet',
    name: 'open-cookie',
    title: 'unguarded, no access log',
    env: quiet,
  },
];

const packages = (names) => {
  const pattern = new RegExp(String.raw`/node_modules/(?:${names})`);
  return ({ url }) => pattern.test(url);
};
/** What a stack is for when any of its frames is one of these. */
const wholes = [
  [
    'garbage collection',
    ({ name }) =>
      /^v8::internal::(?:Heap::CollectGarbage|Scaveng|MarkCompact|Concurrent|Sweep|GCTask)/.test(name),
  ],
  ['kernel: waking who waits for the answer', ({ name }) => name === 'sock_def_readable'],
  ['kernel: everything else', ({ kind }) => kind === 'kernel'],
];
/** And else by its innermost frame that is one of these. */
const parts = [
  [
    'cryptography',
    ({ name, url }) =>
      url.startsWith('node:internal/crypto') || /^(?:node::crypto::|EVP_|sha256_)/.test(name),
  ],
  ['Vestibule: cookies, tokens, guards', ({ url }) => /\/dist\/(?:session|core|api-keys)\//.test(url)],
  ['Vestibule: everything else', ({ url }) => url.includes('/dist/') || url.includes('/bench/')],
  ['pino', packages('pino|sonic-boom')],
  ['Nest', packages('@nestjs|rxjs|reflect-metadata')],
  ['Fastify', packages('fastify|find-my-way|@fastify|avvio|light-my-request')],
  ['other packages', ({ url }) => url.includes('/node_modules/')],
  ['Node: HTTP, streams, timers, promises', ({ kind, url }) => kind === 'script' || url.startsWith('node:')],
];
const rest = { main: 'Node and V8: native code', others: 'other threads' };
const names = [...wholes, ...parts].map(([name]) => name).concat(rest.main, rest.others);

function partOf({ isMain, frames }) {
  const whole = wholes.find(([, is]) => frames.some(is));
  if (whole !== undefined) {
    return whole[0];
  }
  for (const frame of frames) {
    const part = parts.find(([, is]) => is(frame));
    if (part !== undefined) {
      return part[0];
    }
  }
  return isMain ? rest.main : rest.others;
}

const bench = await openBench();
try {
  const data = await prepareOwn(bench, manySessions);
  mkdirSync(images, { recursive: true });
  const found = [];
  for (const { id, name, title, env = {} } of scenes) {
    const { cases, processes, stop } = await startOwn(bench, data, { ...env, NODE_OPTIONS: namedFunctions });
    try {
      await warmUp(cases[name], 3, processes);
      const { window, stacks, micros } = await stacksOf(processes()[0], join(bench.folder, id), () =>
        drive(cases[name], seconds, processes),
      );
      const spent = new Map(names.map((part) => [part, 0]));
      for (const stack of stacks) {
        const part = partOf(stack);
        spent.set(part, spent.get(part) + 1);
      }
      const perRequest = (count) => ((count * micros) / window.requests).toFixed(1);
      found.push({
        title,
        cells: [...names.map((part) => perRequest(spent.get(part))), perRequest(stacks.length)],
      });
      writeFileSync(new URL(`profile-${id}.svg`, images), flameGraph(stacks, title));
    } finally {
      await stop();
    }
  }
  const head = ['µs of a request', ...found.map(({ title }) => title)];
  const rows = [...names, 'together'].map((part, index) => [part, ...found.map(({ cells }) => cells[index])]);
  keepTable('profile', bench, { head, rows }, true);
} finally {
  await bench.close();
}
