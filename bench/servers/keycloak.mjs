// Keycloak as its distribution starts it in production, without TLS, on loopback, for bench/login-run.mjs. Its zip is of Maven Central, and
// kept in Maven's own repository.
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort, startChild } from '../child.mjs';
import { ask, openDatabase } from '../database.mjs';
import { emailOf, keycloakUser, password } from '../own/people.mjs';
import { formOf } from '../own/password.login.mjs';
import { openBrowser } from './browser.mjs';

const version = '26.7.0';
const run = promisify(execFile);
const secret = randomBytes(24).toString('hex');
/** Where codes are sent to. Nothing listens there: the client is this process. */
const redirectUri = 'http://127.0.0.1:9/callback';

export const keycloak = {
  name: 'Keycloak',
  version: () => version,
  async open(bench, people) {
    const folder = mkdtempSync(join(bench.folder, 'keycloak-'));
    const database = await openDatabase(bench.postgres);
    const [port, management] = [await freePort(), await freePort()];
    const origin = `http://127.0.0.1:${port}`;
    const home = join(folder, `keycloak-${version}`);
    const program = join(home, 'bin', 'kc.sh');
    const {
      hostname,
      port: databasePort,
      pathname,
      username,
      password: databasePassword,
    } = new URL(database.url);
    const env = {
      KC_DB_URL: `jdbc:postgresql://${hostname}:${databasePort || '5432'}${pathname}`,
      KC_DB_USERNAME: decodeURIComponent(username),
      KC_DB_PASSWORD: decodeURIComponent(databasePassword),
      KC_HTTP_ENABLED: 'true',
      KC_HTTP_HOST: '127.0.0.1',
      KC_HTTP_PORT: String(port),
      KC_HTTP_MANAGEMENT_PORT: String(management),
      KC_HTTP_MANAGEMENT_HOST: '127.0.0.1',
      KC_CACHE_EMBEDDED_NETWORK_BIND_ADDRESS: '127.0.0.1',
      KC_HOSTNAME: origin,
      ...(process.env.JAVA_HOME === undefined ? {} : { JAVA_HOME: process.env.JAVA_HOME }),
    };
    const kc = (...args) =>
      run(program, args, { env: { PATH: process.env.PATH, HOME: folder, ...env }, cwd: folder });
    let server;
    const stop = async () => {
      await server?.stop();
      server = undefined;
    };
    return {
      databases: [database],
      async fill() {
        await run(
          'mvn',
          [
            '-q',
            'dependency:unpack',
            `-Dartifact=org.keycloak:keycloak-quarkus-dist:${version}:zip`,
            `-DoutputDirectory=${folder}`,
          ],
          { cwd: folder },
        );
        await kc('build', '--db=postgres', '--health-enabled=true');
        writeFileSync(join(folder, 'realm.json'), JSON.stringify(realm(people)));
        await kc('import', '--optimized', '--file', join(folder, 'realm.json'));
        const began = performance.now();
        await copyPeople(database.url, people);
        return (performance.now() - began) / 1000;
      },
      async start() {
        server = await startChild({
          command: program,
          args: ['start', '--optimized'],
          env: { ...env, HOME: folder },
          cwd: folder,
          log: join(folder, 'keycloak.log'),
          probe: `http://127.0.0.1:${management}/health/ready`,
        });
        while (!(await fetch(`http://127.0.0.1:${management}/health/ready`)).ok) {
          await pause(20);
        }
        return { Keycloak: [server.pid] };
      },
      login: (index) => loginAt(`${origin}/realms/bench/protocol/openid-connect`, emailOf(index)),
      async rehashed() {
        const { rows } = await ask(
          database.url,
          `select count(*)::int as count from credential c where c.secret_data <>
           (select secret_data from credential where user_id =
             (select id from user_entity where username = $1))`,
          [emailOf(people)],
        );
        return rows[0].count;
      },
      async close() {
        await stop();
        await database.drop();
      },
    };
  },
};

/** The application, and one user more than the people that log in: theirs are copies of this one's rows. */
function realm(people) {
  return {
    realm: 'bench',
    enabled: true,
    clients: [
      {
        clientId: 'bench',
        secret,
        redirectUris: [redirectUri],
        attributes: { 'pkce.code.challenge.method': 'S256' },
      },
    ],
    users: [keycloakUser(people)],
  };
}

/** Copies every row of the one who was imported, so that nothing is missing that Keycloak's own import makes. */
async function copyPeople(url, people) {
  const copies = `generate_series(0, $2::int - 1) as i`;
  const id = (what) => `md5('${what} ' || i)::uuid::text`;
  const copy = (name, changes, where) =>
    ask(
      url,
      `insert into ${name} select made.* from ${name} as one, ${copies},
       lateral jsonb_populate_record(null::${name}, to_jsonb(one) || jsonb_build_object(${changes})) as made
       where ${where}`,
      [emailOf(people), people],
    );
  const email = `'person-' || i || '@example.org'`;
  const theirs = '(select id from user_entity where username = $1)';
  await copy(
    'user_entity',
    `'id', ${id('user')}, 'username', ${email}, 'email', ${email}, 'email_constraint', ${email}`,
    'one.username = $1',
  );
  await copy('credential', `'id', ${id('credential')}, 'user_id', ${id('user')}`, `one.user_id = ${theirs}`);
  await copy('user_role_mapping', `'user_id', ${id('user')}`, `one.user_id = ${theirs}`);
}

/** From the application's start of a login to its tokens, as a browser without scripts and the application's server. */
async function loginAt(endpoints, email) {
  const browser = openBrowser();
  const [verifier, state] = [randomBytes(32).toString('base64url'), randomBytes(16).toString('base64url')];
  const query = new URLSearchParams({
    client_id: 'bench',
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid email profile',
    state,
    nonce: randomBytes(16).toString('base64url'),
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  const { url, response } = await browser.follow(`${endpoints}/auth?${query}`);
  const form = formOf(await response.text());
  const isBack = (next) => next.startsWith(redirectUri);
  const end = await browser.follow(new URL(form.action, url).href, isBack, {
    method: 'POST',
    body: new URLSearchParams({ ...form.hidden, username: email, password }),
    headers: { origin: new URL(url).origin },
  });
  const back = new URL(end.url).searchParams;
  if (!isBack(end.url) || back.get('state') !== state) {
    throw new Error(`a login at Keycloak ended with ${end.response.status} and without a code`);
  }
  const answer = await browser.send(`${endpoints}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code: back.get('code'),
      redirect_uri: redirectUri,
      client_id: 'bench',
      client_secret: secret,
      code_verifier: verifier,
    }),
  });
  const tokens = await answer.json();
  if (tokens.access_token === undefined || tokens.id_token === undefined) {
    throw new Error(`Keycloak gives no tokens: ${answer.status} ${tokens.error ?? ''}`);
  }
}
