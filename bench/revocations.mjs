// `npm run build && npm run build:packages && node bench/revocations.mjs [--subscribers 1000] [--ended 1000000]`: what it costs to tell
// services of ended sessions. A gateway and its subscribers are processes of their own on one machine. Prints Markdown.
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { get } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort } from './child.mjs';
import { table } from './tables.mjs';

const { values } = parseArgs({
  options: {
    subscribers: { type: 'string', default: '1000' },
    ended: { type: 'string', default: '1000000' },
  },
});
const [subscribers, ended] = [Number(values.subscribers), Number(values.ended)];
/** Sessions that are ended one after the other. */
const ends = 50;
const folder = mkdtempSync(join(tmpdir(), 'vestibule-bench-'));
const port = await freePort();
const issuer = `http://127.0.0.1:${port}`;

const program = (name, env) =>
  fork(join(import.meta.dirname, 'own', name), {
    execArgv: ['--expose-gc'],
    env: { PATH: process.env.PATH, NODE_ENV: 'production', ...env },
  });
const answerOf = async (child) => {
  const [message] = await once(child, 'message');
  return message;
};
const gateway = program('revoking.mjs', {
  PUBLIC_URL: issuer,
  PORT: String(port),
  SECRETS: randomBytes(32).toString('hex'),
  DATA_DIR: folder,
  AUTH_PROVIDER: 'oidc',
  OIDC_ISSUER: 'http://127.0.0.1:1',
  OIDC_CLIENT_ID: 'benchmark',
  OIDC_CLIENT_SECRET: randomBytes(32).toString('hex'),
});
const ask = async (command, given = {}) => {
  gateway.send({ command, ...given });
  return (await answerOf(gateway)).result;
};

try {
  const { key } = await answerOf(gateway);

  const heardAt = new Map();
  let waiting = () => undefined;
  const open = async (index) => {
    const request = get(`${issuer}/auth/revocations/stream`, { headers: { 'x-api-key': key }, agent: false });
    const [response] = await once(request, 'response');
    let count = 0;
    response.setEncoding('utf8').on('data', (text) => {
      count += text.split('event: revocations').length - 1;
      heardAt.set(index, count);
      waiting();
    });
    return request;
  };
  const requests = [];
  for (let index = 0; index < subscribers; index += 1) {
    requests.push(await open(index));
  }
  const allHave = async (count) =>
    new Promise((resolve) => {
      waiting = () => {
        if (heardAt.size === subscribers && [...heardAt.values()].every((heard) => heard >= count)) {
          resolve();
        }
      };
      waiting();
    });
  await allHave(1);
  const before = await ask('usage');
  const took = [];
  for (let count = 0; count < ends; count += 1) {
    const begun = performance.now();
    await ask('end', { count: 1 });
    await allHave(count + 2);
    took.push(performance.now() - begun);
  }
  const after = await ask('usage');
  const sorted = took.toSorted((one, other) => one - other);
  requests.forEach((request) => request.destroy());
  process.stdout.write(
    `${table(
      [
        'subscribers',
        'all have heard after, ms (median)',
        'worst',
        'processor of the gateway per end, ms',
        'memory of the gateway, MB',
      ],
      [
        [
          subscribers,
          Math.round(sorted[ends / 2]),
          Math.round(sorted.at(-1)),
          (((after.cpu - before.cpu) * 1000) / ends).toFixed(1),
          Math.round(after.resident),
        ],
      ],
    )}\n\n`,
  );

  const empty = await ask('usage');
  await ask('end', { count: ended });
  const full = await ask('usage');
  const service = program('subscribed.mjs', { ISSUER: issuer, KEY: key });
  const cost = await answerOf(service);
  const told = await ask('usage');
  process.stdout.write(
    `${table(
      [
        'ended sessions',
        'memory of the gateway, MB',
        'of a verifier',
        'a new verifier knows them after, s',
        'longest pause of the gateway, ms',
        'of the verifier',
        'a known token, µs',
        'the same without a subscription',
      ],
      [
        [
          ended,
          `+${Math.round(full.resident - empty.resident)}`,
          `+${Math.round(cost.memory)}`,
          (cost.took / 1000).toFixed(1),
          Math.round(told.delay),
          Math.round(cost.longest),
          cost.subscribed.toFixed(2),
          cost.plain.toFixed(2),
        ],
      ],
    )}\n`,
  );
} finally {
  gateway.kill('SIGTERM');
  rmSync(folder, { recursive: true, force: true });
}
