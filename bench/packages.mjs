// `npm run build:packages && node bench/packages.mjs [--rounds 3] [--pairs 10]`: what the packages for other services cost. Each server has the
// same handler at /open and at /guarded, and gets the same bytes at both. Pairs of windows of a second follow each other, and in every other pair
// the guarded route comes first, so that a machine whose speed changes changes both alike. Beside the packages, the handler with jose written by
// hand, as services without a package have it. Prints Markdown: the guarded route's rate as a share of the open one's, and the open route's
// processor time as a share of the guarded one's.
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createTestIssuer } from '@vestibule-auth/verify/testing';
import { freePort, nodeSettings, startChild } from './child.mjs';
import { drive } from './load.mjs';
import { median } from './measure.mjs';
import { table } from './tables.mjs';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '3' }, pairs: { type: 'string', default: '10' } },
});
const [rounds, pairs] = [Number(values.rounds), Number(values.pairs)];
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), 'vestibule-bench-'));

/** Guards nothing: what Fastify takes for any hook. */
const emptyHook = 'an empty hook, on Fastify';
/** What each server is started with. */
const servers = {
  express: [process.execPath, 'bench/own/service.mjs', 'express'],
  fastify: [process.execPath, 'bench/own/service.mjs', 'fastify'],
  nest: [process.execPath, 'bench/own/service.mjs', 'nest'],
  [emptyHook]: [process.execPath, 'bench/own/service.mjs', 'hook'],
  'jose by hand, on Fastify': [process.execPath, 'bench/own/service.mjs', 'jose'],
  go: [join(folder, 'go')],
};

execFileSync('go', ['build', '-o', join(folder, 'go'), './internal/benchmark'], {
  cwd: join(root, 'packages/go'),
  env: { ...process.env, CGO_ENABLED: '0' },
});
const keys = await freePort();
const issuer = `http://127.0.0.1:${keys}`;
const { jwks, token } = await createTestIssuer({ issuer });
const keyServer = createServer((_request, response) => response.end(JSON.stringify(jwks))).listen(
  keys,
  '127.0.0.1',
);
const headers = { authorization: `Bearer ${await token({ exp: Math.floor(Date.now() / 1000) + 86_400 })}` };

const found = Object.fromEntries(Object.keys(servers).map((name) => [name, []]));
try {
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, [program, ...args]] of Object.entries(servers)) {
      const port = await freePort();
      const url = `http://127.0.0.1:${port}`;
      const child = await startChild({
        command: program,
        args,
        env: { ...nodeSettings, ISSUER: issuer, PORT: String(port) },
        cwd: root,
        log: join(folder, 'log'),
        probe: `${url}/open`,
      });
      try {
        const refused = await fetch(`${url}/guarded`);
        if (refused.status !== (name === emptyHook ? 200 : 401)) {
          throw new Error(`${name} answers ${refused.status} without a token`);
        }
        const windowOf = (path) => drive({ url: `${url}/${path}`, headers }, 1, async () => [child.pid]);
        // The first pairs warm up.
        for (let pair = -2; pair < pairs; pair += 1) {
          const windows = {};
          for (const path of pair % 2 === 0 ? ['open', 'guarded'] : ['guarded', 'open']) {
            windows[path] = await windowOf(path);
          }
          if (pair >= 0) {
            found[name].push(windows);
          }
        }
      } finally {
        await child.stop();
      }
    }
  }
} finally {
  keyServer.close();
  rmSync(folder, { recursive: true, force: true });
}

const rows = Object.entries(found).map(([name, windows]) => {
  const rateOf = (path) => Math.round(median(windows.map((window) => window[path].rate)));
  const rates = windows.map(({ open, guarded }) => guarded.rate / open.rate);
  const times = windows.map(({ open, guarded }) => open.cpu / guarded.cpu);
  return [name, rateOf('open'), rateOf('guarded'), ...[rates, times].flatMap(middleAndHalf)];
});
const heads = [
  'server',
  'open, requests/s',
  'guarded',
  'share',
  'half of the pairs',
  'by processor time',
  'half of the pairs',
];
process.stdout.write(`${table(heads, rows)}\n`);

/** The median, and between which values half of them lie. */
function middleAndHalf(shares) {
  const sorted = shares.toSorted((one, other) => one - other);
  const at = (part) => sorted[Math.round((sorted.length - 1) * part)].toFixed(2);
  return [median(sorted).toFixed(2), `${at(0.25)} to ${at(0.75)}`];
}
