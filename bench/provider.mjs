// `npm run build && node bench/provider.mjs [--rounds 5] [--only refresh]`: what applications wait for when they log users in through the gateway, beside Hydra alone.
// The same requests go to Hydra's public port, through `/ory/hydra`, and through proxies that only pass them on, in turns, as many at a time. On the PostgreSQL of
// VESTIBULE_BENCH_POSTGRES_URL, with Kratos and Hydra. Hydra alone, also behind those proxies, hashes secrets as Ory configures it, and the gateway's Hydra
// as docker/hydra/hydra.yml does. Prints Markdown.
import { createHash, pbkdf2Sync, randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { freePort } from './child.mjs';
import { openBench } from './context.mjs';
import { ask, openDatabase } from './database.mjs';
import { inLanes, median } from './measure.mjs';
import { startOryLogins } from './own/ory.login.mjs';
import { openBrowser } from './servers/browser.mjs';
import { prepareOwn, ready, shipped, startOwn } from './servers/own.mjs';
import { startNginx, startNodeProxy } from './servers/proxies.mjs';
import { share, table, whole } from './tables.mjs';
import { usageOf } from './usage.mjs';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, only: { type: 'string', default: '' } },
});
const rounds = Number(values.rounds);
const lanes = 8;
const redirectUri = 'https://app.example.org/callback';
const scope = 'openid offline_access email profile';
const json = { 'content-type': 'application/json' };
const secret = randomBytes(24).toString('hex');
const verifier = randomBytes(32).toString('base64url');
const challenge = createHash('sha256').update(verifier).digest('base64url');

/** Sends a request and requires a status. @returns the answer's body, as JSON if it is. */
async function send(url, init, status = 200) {
  const response = await fetch(url, { redirect: 'manual', ...init });
  const text = await response.text();
  if (response.status !== status) {
    throw new Error(`${url} answered ${response.status} instead of ${status}: ${text.slice(0, 300)}`);
  }
  return response.headers.get('content-type')?.includes('json') === true ? JSON.parse(text) : text;
}

const post = (url, form) => send(url, { method: 'POST', body: new URLSearchParams(form) });

/** An application as the gateway registers it, and how one of the users agrees to it. */
async function openApplication({ HYDRA_PUBLIC_URL: open, HYDRA_ADMIN_URL: admin }, { subject, context }) {
  const call = (method, path, body) =>
    send(admin + path, { method, headers: json, body: JSON.stringify(body) }, method === 'POST' ? 201 : 200);
  const common = { client_secret: secret, scope, token_endpoint_auth_method: 'client_secret_post' };
  const [web, machine, page] = [
    await call('POST', '/admin/clients', {
      ...common,
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
    }),
    await call('POST', '/admin/clients', { ...common, grant_types: ['client_credentials'] }),
    await call('POST', '/admin/clients', {
      scope,
      token_endpoint_auth_method: 'none',
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
    }),
  ];
  const query = (client = web) =>
    new URLSearchParams({
      client_id: client.client_id,
      redirect_uri: redirectUri,
      response_type: 'code',
      scope,
      state: randomBytes(16).toString('hex'),
      code_challenge: challenge,
      code_challenge_method: 'S256',
    });
  const credentials = (client) => ({
    client_id: client.client_id,
    ...(client === page ? {} : { client_secret: secret }),
  });
  /** Login and consent are accepted by the admin API: pages and passwords aren't measured here. */
  const code = async (client = web) => {
    const browser = openBrowser();
    const atHydra = (url) => open + new URL(url).pathname.replace(/^\/ory\/hydra/, '') + new URL(url).search;
    const next = async (url, name) => {
      const { url: at } = await browser.follow(atHydra(url), (target) => !target.startsWith(open));
      return new URL(at).searchParams.get(name);
    };
    const accept = async (kind, id, body) =>
      (await call('PUT', `/admin/oauth2/auth/requests/${kind}/accept?${kind}_challenge=${id}`, body))
        .redirect_to;
    const login = await next(`${open}/oauth2/auth?${query(client)}`, 'login_challenge');
    const consent = await next(await accept('login', login, { subject, context }), 'consent_challenge');
    const granted = await accept('consent', consent, {
      grant_scope: scope.split(' '),
      session: {
        access_token: context,
        id_token: { email: 'person-0@example.org', email_verified: true, name: 'Ada Lovelace' },
      },
    });
    return next(granted, 'code');
  };
  const exchange = async (base, given, client = web) =>
    post(`${base}/oauth2/token`, {
      ...credentials(client),
      grant_type: 'authorization_code',
      code: given,
      redirect_uri: redirectUri,
      code_verifier: verifier,
    });
  return {
    web,
    page,
    machine,
    query,
    code,
    exchange,
    refresh: async (base, token, client) =>
      post(`${base}/oauth2/token`, {
        ...credentials(client),
        grant_type: 'refresh_token',
        refresh_token: token,
      }),
    asMachine: async (base) =>
      post(`${base}/oauth2/token`, { ...credentials(machine), grant_type: 'client_credentials' }),
  };
}

/** Gives applications the hash of their secret that Hydra makes by its default. */
async function hashAsByDefault(url, ids) {
  const [salt, hashRounds, length] = [randomBytes(16), 25_000, 32];
  const text = (bytes) => bytes.toString('base64').replaceAll('=', '');
  const hash = pbkdf2Sync(secret, salt, hashRounds, length, 'sha256');
  const { rowCount } = await ask(url, 'update hydra_client set client_secret = $1 where id = any($2)', [
    `$pbkdf2-sha256$i=${hashRounds},l=${length}$${text(salt)}$${text(hash)}`,
    ids,
  ]);
  if (rowCount !== ids.length) {
    throw new Error('no such applications in the database of Hydra');
  }
}

/** Makes something for every request of a window before the window begins. */
async function stocked(count, make) {
  const stock = [];
  await inLanes(count, lanes, async () => {
    stock.push(await make());
  });
  return () => stock.pop();
}

/** What applications and their users' browsers ask for: how often in a window, and how. */
function kindsOf(application, open) {
  const fixed = (count, act) => ({ count, begin: async () => act });
  const refreshed = (client) => ({
    count: 300,
    begin: async () => {
      const take = await stocked(lanes, async () =>
        application.exchange(open, await application.code(client), client),
      );
      const idle = Array.from({ length: lanes }, () => take().refresh_token);
      return async (base) => {
        const { refresh_token: next } = await application.refresh(base, idle.pop(), client);
        idle.push(next);
      };
    },
  });
  return {
    discovery: fixed(3000, (base) => send(`${base}/.well-known/openid-configuration`)),
    'authorize, to the login': fixed(300, (base) =>
      send(`${base}/oauth2/auth?${application.query()}`, {}, 302),
    ),
    'token, for a code': {
      count: 150,
      begin: async (count) => {
        const take = await stocked(count, application.code);
        return (base) => application.exchange(base, take());
      },
    },
    'token, refreshed': refreshed(application.web),
    'token, refreshed without a secret': refreshed(application.page),
    'token, of a machine': fixed(300, (base) => application.asMachine(base)),
    userinfo: {
      count: 1500,
      begin: async () => {
        const { access_token: token } = await application.exchange(open, await application.code());
        return (base) => send(`${base}/userinfo`, { headers: { authorization: `Bearer ${token}` } });
      },
    },
  };
}

/** The least share of Hydra alone. */
const goals = {
  discovery: 5,
  'authorize, to the login': 0.7,
  'token, for a code': 0.82,
  'token, refreshed': 0.45,
  'token, of a machine': 0.85,
  userinfo: 0.82,
};
/** Times a window's requests before anything is measured: V8 compiles the gateway's code for as long. */
const warmUp = 6;

const heads = [
  'request',
  'Hydra alone, requests/s',
  'through the gateway',
  'share',
  'goal',
  'of the rounds',
  'share of a bare proxy in Node',
  'of nginx',
  'ms of a processor: Hydra and its database, alone',
  'behind the gateway',
  'the gateway, its database and Kratos',
];

/** A goal, and whether a share reaches it. */
function goalOf(kind, reached) {
  const goal = goals[kind];
  if (goal === undefined) {
    return '';
  }
  const isMet = reached >= goal;
  process.exitCode ||= isMet ? 0 : 1;
  return `≥ ${goal} ${isMet ? 'met' : '**missed**'}`;
}

const bench = await openBench();
const port = await freePort();
const origin = `http://127.0.0.1:${port}`;
const database = await openDatabase(bench.postgres);
const ory = await startOryLogins(bench, origin, 1);
try {
  const data = await prepareOwn(bench, 20_000, {
    PUBLIC_URL: origin,
    DATABASE_URL: database.url,
    // All requests come from one address.
    RATE_LIMIT: 'false',
  });
  const server = await startOwn(bench, data, { ...ory.env, PORT: String(port) }, shipped);
  try {
    await ready(origin, { Host: new URL(origin).host });
    await ory.login();
    const identities = `${ory.env.KRATOS_ADMIN_URL}/admin/identities`;
    const [{ id: subject }] = await send(identities);
    const [session] = await send(`${identities}/${subject}/sessions`);
    // What the gateway tells Hydra of a login: it asks for that session whenever tokens are made.
    const context = {
      kratos_session_id: session.id,
      amr: ['pwd'],
      auth_time: Date.parse(session.authenticated_at),
    };
    const person = { subject, context };
    const open = ory.env.HYDRA_PUBLIC_URL;
    const [ours, byDefault] = [
      await openApplication(ory.env, person),
      await openApplication(ory.env, person),
    ];
    await hashAsByDefault(ory.hydraUrl, [byDefault.web.client_id, byDefault.machine.client_id]);
    const proxies = [await startNodeProxy(bench, open), await startNginx(bench, open)];
    const [node, nginx] = proxies.map((proxy) => proxy.origin);
    const ways = { alone: open, gateway: `${origin}/ory/hydra`, node, nginx };
    const rows = [];
    const [ourKinds, kindsByDefault] = [ours, byDefault].map((application) => kindsOf(application, open));
    const kinds = Object.keys(ourKinds).filter((kind) => kind.includes(values.only));
    for (const kind of kinds) {
      const rates = Object.fromEntries(Object.keys(ways).map((way) => [way, []]));
      const spent = { alone: [], hydra: [], gateway: [] };
      const spend = async () => ({
        hydra: usageOf(await ory.hydra()).cpu,
        gateway: usageOf([...server.processes(), ...(await database.processes()), ...(await ory.kratos())])
          .cpu,
      });
      for (let window = 0; window < warmUp; window += 1) {
        const { count, begin } = ourKinds[kind];
        const act = await begin(count);
        await inLanes(count, lanes, () => act(ways.gateway));
      }
      // The first round warms up the others.
      for (let round = 0; round <= rounds; round += 1) {
        const order = round % 2 === 0 ? Object.keys(ways) : Object.keys(ways).toReversed();
        for (const way of order) {
          const { count, begin } = (way === 'gateway' ? ourKinds : kindsByDefault)[kind];
          const act = await begin(count);
          const before = await spend();
          const began = performance.now();
          await inLanes(count, lanes, () => act(ways[way]));
          const time = performance.now() - began;
          const after = await spend();
          if (round > 0) {
            rates[way].push(count / (time / 1000));
            const perRequest = (part) => ((after[part] - before[part]) / count) * 1000;
            if (way === 'alone') {
              spent.alone.push(perRequest('hydra'));
            } else if (way === 'gateway') {
              spent.hydra.push(perRequest('hydra'));
              spent.gateway.push(perRequest('gateway'));
            }
          }
        }
      }
      const sharesOf = (way) => rates[way].map((rate, index) => rate / rates.alone[index]);
      const shares = sharesOf('gateway');
      rows.push([
        kind,
        whole(median(rates.alone)),
        whole(median(rates.gateway)),
        share(median(shares)),
        goalOf(kind, median(shares)),
        `${share(Math.min(...shares))} to ${share(Math.max(...shares))}`,
        share(median(sharesOf('node'))),
        share(median(sharesOf('nginx'))),
        share(median(spent.alone)),
        share(median(spent.hydra)),
        share(median(spent.gateway)),
      ]);
      bench.say(rows.at(-1).join(' | '));
    }
    process.stdout.write(
      `${table(heads, rows)}\n\nHydra alone hashes secrets with 25,000 rounds (Ory's default), the gateway's Hydra with 1,000.\n`,
    );
    await Promise.all(proxies.map((proxy) => proxy.stop()));
  } finally {
    await server.stop();
  }
} finally {
  await ory.stop();
  await database.drop();
  await bench.close();
}
