// `node bench/soak.mjs [--minutes 15] [--database postgres://…]`: a gateway of its own at half of its top speed, with logins, renewals, ends of
// sessions and guarded requests mixed, and a table of what it holds each minute. Exits with 1 when anything grows, fails or gets slower.
// Build first (`npm run build`). The provider is a stand-in in this process; SQLite unless a database is given.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { Agent, createServer, request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { freePort } from './child.mjs';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '15' }, database: { type: 'string' } },
});
const minutes = Math.min(60, Number(values.minutes));
if (!(minutes >= 1)) {
  throw new Error('--minutes must be a number from 1 to 60');
}
const program = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const lanes = 16;
const people = 200;
/** Those who log in and out all the time: everybody else stays logged in, and is renewed again and again. */
const restless = 10;
/** Of a thousand requests so many are logins, and so many end a session. */
const mix = { login: 10, logout: 5 };
const samplesPerMinute = 4;

/** A growth that counts: more than this share and more than this much between the first and the last third. */
const limits = {
  heapMb: { share: 0.15, least: 10 },
  rssMb: { share: 0.25, least: 40 },
  resources: { share: 0.1, least: 20 },
  sockets: { share: 0.1, least: 10 },
  p99: { share: 0.5, least: 10 },
};

/** Answers what the gateway asks an OpenID provider. */
async function startProvider() {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const key = { ...(await exportJWK(publicKey)), kid: 'soak', alg: 'ES256', use: 'sig' };
  let issuer = '';
  const server = createServer((incoming, outgoing) => {
    const send = (body) => outgoing.setHeader('content-type', 'application/json').end(JSON.stringify(body));
    switch (incoming.url) {
      case '/.well-known/openid-configuration':
        return send({
          issuer,
          authorization_endpoint: `${issuer}/authorize`,
          token_endpoint: `${issuer}/token`,
          userinfo_endpoint: `${issuer}/userinfo`,
          jwks_uri: `${issuer}/jwks`,
          response_types_supported: ['code'],
          subject_types_supported: ['public'],
          id_token_signing_alg_values_supported: ['ES256'],
        });
      case '/jwks':
        return send({ keys: [key] });
      case '/userinfo': {
        const [, payload = ''] = (incoming.headers.authorization ?? '').split('.');
        const { sub } = JSON.parse(Buffer.from(payload, 'base64url').toString());
        return send({ sub, email: `${sub}@example.org`, email_verified: true, name: `Person ${sub}` });
      }
      default:
        return outgoing.writeHead(404).end();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  issuer = `http://127.0.0.1:${server.address().port}`;
  const tokenOf = (subject, audience) =>
    new SignJWT({ client_id: 'soak', scope: 'openid' })
      .setProtectedHeader({ alg: 'ES256', kid: 'soak', typ: 'at+jwt' })
      .setIssuer(issuer)
      .setSubject(subject)
      .setAudience(audience)
      .setIssuedAt()
      .setExpirationTime('2h')
      .sign(privateKey);
  return { issuer, tokenOf, close: () => server.close() };
}

/** Tells what the process holds, after a collection, whenever it's asked. */
const teller = `process.on('message', () => { globalThis.gc(); const { rss, heapUsed } = process.memoryUsage();
  process.send({ rss, heapUsed, resources: process.getActiveResourcesInfo().length }); }); process.channel.unref();`;

async function startGateway(issuer, folder) {
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const child = spawn(
    process.execPath,
    ['--expose-gc', '--import', `data:text/javascript,${encodeURIComponent(teller)}`, program],
    {
      env: {
        PATH: process.env.PATH,
        PUBLIC_URL: url,
        PORT: String(port),
        DATA_DIR: folder,
        SECRETS: randomBytes(32).toString('hex'),
        AUTH_PROVIDER: 'oidc',
        OIDC_ISSUER: issuer,
        OIDC_CLIENT_ID: 'soak',
        OIDC_CLIENT_SECRET: randomBytes(16).toString('hex'),
        RATE_LIMIT: 'false',
        LOG_LEVEL: 'fatal',
        TOKEN_TTL: '30s',
        ...(values.database === undefined ? {} : { DATABASE_URL: values.database }),
      },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    },
  );
  const held = async () => {
    child.send('tell');
    const [told] = await once(child, 'message');
    const sockets = readdirSync(`/proc/${child.pid}/fd`).filter((name) => {
      try {
        return readlinkSync(`/proc/${child.pid}/fd/${name}`).startsWith('socket:');
      } catch {
        return false;
      }
    }).length;
    return {
      rssMb: told.rss / 1_048_576,
      heapMb: told.heapUsed / 1_048_576,
      resources: told.resources,
      sockets,
    };
  };
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
  };
  const deadline = Date.now() + 60_000;
  for (;;) {
    const answer = await fetch(`${url}/health/ready`).catch(() => undefined);
    if (answer !== undefined && (await answer.json()).status === 'ok') {
      return { url, port, held, stop };
    }
    if (Date.now() > deadline || child.exitCode !== null) {
      await stop();
      throw new Error('the gateway was not ready within a minute');
    }
    await delay(100);
  }
}

const agent = new Agent({ keepAlive: true, maxSockets: lanes });

/** One request. @returns status and the session cookie, where one is set. */
function ask({ url, port }, method, path, { cookie, body } = {}) {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      host: new URL(url).host,
      origin: url,
      ...(cookie === undefined ? {} : { cookie }),
      ...(text === undefined ? {} : { 'content-type': 'application/json', 'content-length': text.length }),
    };
    const sent = httpRequest({ agent, host: '127.0.0.1', port, method, path, headers }, (answer) => {
      answer.resume();
      answer.on('end', () => {
        const set = (answer.headers['set-cookie'] ?? []).find((line) => line.startsWith('vestibule='));
        resolve({ status: answer.statusCode, cookie: set?.split(';')[0] });
      });
    });
    sent.setTimeout(30_000, () => sent.destroy(new Error('no answer in 30 s')));
    sent.on('error', reject);
    sent.end(text);
  });
}

/** Everybody's requests. @param pause milliseconds between the beginnings of two requests of a lane; 0: as fast as it goes. */
async function run(gateway, sessions, tokens, pause, until, note) {
  await Promise.all(
    Array.from({ length: lanes }, async (_value, lane) => {
      const own = tokens.map((_token, index) => index).filter((index) => index % lanes === lane);
      let due = performance.now() + Math.random() * pause;
      for (let count = 0; performance.now() < until; count += 1) {
        if (pause > 0) {
          await delay(Math.max(0, due - performance.now()));
          due = Math.max(due + pause, performance.now() - 1000);
        }
        const person = own[count % own.length];
        const dice =
          person < restless ? (Math.random() * 1000 * restless) / people : Number.POSITIVE_INFINITY;
        const kind =
          sessions[person] === undefined || dice < mix.login
            ? 'login'
            : dice < mix.login + mix.logout
              ? 'logout'
              : 'guarded';
        const began = performance.now();
        try {
          const cookie = sessions[person];
          const answer =
            kind === 'login'
              ? await ask(gateway, 'POST', '/auth/login', { body: { accessToken: tokens[person] } })
              : kind === 'logout'
                ? await ask(gateway, 'POST', '/auth/logout', { cookie, body: {} })
                : await ask(gateway, 'GET', '/api/v1/me', { cookie });
          sessions[person] = kind === 'logout' ? undefined : (answer.cookie ?? cookie);
          const renewed = kind === 'guarded' && answer.cookie !== undefined;
          note(
            kind,
            performance.now() - began,
            answer.status === 200 ? undefined : `${kind} ${answer.status}`,
            renewed,
          );
        } catch (error) {
          note(kind, performance.now() - began, `${kind} ${error.code ?? error.message}`, false);
        }
      }
    }),
  );
}

const percentile = (list, share) =>
  list.toSorted((one, other) => one - other)[Math.min(list.length - 1, Math.floor(list.length * share))] ?? 0;
const median = (list) => percentile(list, 0.5);

/** What has grown from the first third to the last, after the warm-up. */
function growths(samples) {
  const warm = samples.slice(Math.ceil(samples.length / 5));
  const third = Math.max(1, Math.floor(warm.length / 3));
  return Object.entries(limits).flatMap(([name, { share, least }]) => {
    const first = median(warm.slice(0, third).map((sample) => sample[name]));
    const last = median(warm.slice(-third).map((sample) => sample[name]));
    return last > first * (1 + share) && last > first + least
      ? [`${name}: ${first.toFixed(1)} → ${last.toFixed(1)}`]
      : [];
  });
}

const folder = mkdtempSync(join(tmpdir(), 'vestibule-soak-'));
const provider = await startProvider();
let gateway;
try {
  gateway = await startGateway(provider.issuer, folder);
  const tokens = await Promise.all(
    Array.from({ length: people }, (_value, index) => provider.tokenOf(`person-${index}`, gateway.url)),
  );
  const sessions = tokens.map(() => undefined);
  let counted = 0;
  await run(gateway, sessions, tokens, 0, performance.now() + 3000, () => undefined);
  await run(gateway, sessions, tokens, 0, performance.now() + 5000, () => (counted += 1));
  const top = counted / 5;
  const pause = (lanes * 1000) / (top / 2);
  process.stdout.write(
    `top speed ${Math.round(top)} requests/s; ${minutes} min at half of it, ${lanes} connections\n\n`,
  );
  process.stdout.write(
    '| minute | requests | logins | ends | renewals | failed | p50 ms | p99 ms | rss MB | heap MB | resources | sockets |\n',
  );
  process.stdout.write(`|${' ---: |'.repeat(12)}\n`);

  const samples = [];
  const failures = [];
  let slice = [];
  let counts = { guarded: 0, login: 0, logout: 0, renewed: 0 };
  const note = (kind, took, failure, renewed) => {
    counts[kind] += 1;
    counts.renewed += Number(renewed);
    if (kind === 'guarded') {
      slice.push(took);
    }
    if (failure !== undefined) {
      failures.push(failure);
    }
  };
  const end = performance.now() + minutes * 60_000;
  const running = run(gateway, sessions, tokens, pause, end, note);
  for (let minute = 1; minute <= minutes; minute += 1) {
    const all = [];
    const failedBefore = failures.length;
    let held;
    for (let part = 0; part < samplesPerMinute; part += 1) {
      const left =
        end - (minutes - minute) * 60_000 - ((samplesPerMinute - 1 - part) * 60_000) / samplesPerMinute;
      await delay(Math.max(0, left - performance.now()));
      held = await gateway.held();
      samples.push({ ...held, p99: percentile(slice, 0.99) });
      all.push(...slice);
      slice = [];
    }
    const cells = [
      minute,
      counts.guarded + counts.login + counts.logout,
      counts.login,
      counts.logout,
      counts.renewed,
      failures.length - failedBefore,
      percentile(all, 0.5).toFixed(1),
      percentile(all, 0.99).toFixed(1),
      held.rssMb.toFixed(0),
      held.heapMb.toFixed(1),
      held.resources,
      held.sockets,
    ];
    process.stdout.write(`| ${cells.join(' | ')} |\n`);
    counts = { guarded: 0, login: 0, logout: 0, renewed: 0 };
  }
  await running;
  const grown = growths(samples);
  const verdicts = [
    ...grown.map((growth) => `grows: ${growth}`),
    ...(failures.length === 0
      ? []
      : [`failed: ${failures.length} (${[...new Set(failures)].slice(0, 5).join(', ')})`]),
  ];
  process.stdout.write(
    `\n${verdicts.length === 0 ? 'Nothing grew and nothing failed.' : verdicts.join('\n')}\n`,
  );
  process.exitCode = verdicts.length === 0 ? 0 : 1;
} finally {
  agent.destroy();
  await gateway?.stop();
  provider.close();
  rmSync(folder, { recursive: true, force: true });
}
