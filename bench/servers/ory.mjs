// Asking Ory about every request: Kratos about its session, Hydra about an opaque access token (what the article did everywhere).
import { randomBytes } from 'node:crypto';
import { startOry } from '../../dist/launcher/ory-stack.js';
import { pinnedBinaries } from '../../dist/launcher/binary-pins.js';
import { openDatabase } from '../database.mjs';
import { openBrowser } from './browser.mjs';
import { person } from './openid.mjs';
import { startPeer, versionsOf } from './peer.mjs';
import { damaged } from './stateless.mjs';

const json = { 'content-type': 'application/json', accept: 'application/json' };
export const silent = {
  line: () => undefined,
  step: () => ({ done: () => undefined, failed: () => undefined }),
};
/** Where Hydra sends people to log in; nobody goes there. */
const nowhere = 'http://127.0.0.1:9';

/** The environment of Kratos and Hydra: `npm start` has them keep their memory small, compose and Kubernetes don't. */
export const asInContainers = { ...process.env, GOMEMLIMIT: 'off' };

/** As compose configures them: with their default, two connections for each core, Hydra's requests can wait for each other forever. */
export function withPool(url) {
  const own = new URL(url);
  own.searchParams.set('max_conns', '20');
  own.searchParams.set('max_idle_conns', '20');
  own.searchParams.set('max_conn_idle_time', '1m');
  return own.href;
}

/** Kratos and Hydra on PostgreSQL, without mail. @param publicUrl the address of the gateway in front, where there is one. */
export async function startStack(bench, publicUrl = nowhere) {
  const [kratos, hydra] = [await openDatabase(bench.postgres), await openDatabase(bench.postgres)];
  const ory = await startOry({
    dataDir: bench.folder,
    publicUrl,
    environment: asInContainers,
    dsn: { kratos: withPool(kratos.url), hydra: withPool(hydra.url) },
    mail: false,
    log: () => undefined,
    progress: silent,
  });
  return {
    env: ory.env,
    kratos: { database: kratos, child: ory.children.kratos },
    hydra: { database: hydra, child: ory.children.hydra },
    stop: async () => {
      await ory.stop();
      await Promise.all([kratos.drop(), hydra.drop()]);
    },
  };
}

/** @param login makes the credential's headers from the addresses of Ory. */
function askingOry({ name, title, versions, child, login }) {
  return {
    name,
    title,
    kind: 'asking',
    needs: 'ory',
    versions,
    async start(bench) {
      const stack = await startStack(bench);
      try {
        const app = await startPeer(bench, name, stack.env);
        const headers = await login(stack.env);
        const [[field, value]] = Object.entries(headers);
        const refused = [{}, { [field]: damaged(value) }];
        return {
          processes: async () => [
            app.pid,
            stack[child].child.pid,
            ...(await stack[child].database.processes()),
          ],
          stop: async () => {
            await app.stop();
            await stack.stop();
          },
          cases: [{ id: name, title, url: `${app.origin}/me`, headers, refused }],
        };
      } catch (error) {
        await stack.stop();
        throw error;
      }
    },
  };
}

export const kratosWhoami = askingOry({
  name: 'kratos-whoami',
  title: 'Fastify asking Kratos (whoami) each time',
  versions: () => `Kratos ${pinnedBinaries.kratos.version}, ${versionsOf('@ory/client', 'fastify')}`,
  child: 'kratos',
  login: async ({ KRATOS_PUBLIC_URL: kratos }) => ({ cookie: await signUp(kratos) }),
});
export const hydraIntrospection = askingOry({
  name: 'hydra-introspection',
  title: 'Fastify asking Hydra (introspection) each time',
  versions: () => `Hydra ${pinnedBinaries.hydra.version}, ${versionsOf('@ory/client', 'fastify')}`,
  child: 'hydra',
  login: async (env) => ({ authorization: `Bearer ${await accessToken(env)}` }),
});

/** A new identity by Kratos' browser flow. @returns the Cookie header of its session. */
async function signUp(kratos) {
  const browser = openBrowser();
  const begun = await browser.send(`${kratos}/self-service/registration/browser`, { headers: json });
  const { id, ui } = await begun.json();
  const csrf = ui.nodes.find(({ attributes }) => attributes.name === 'csrf_token').attributes.value;
  const done = await browser.send(`${kratos}/self-service/registration?flow=${id}`, {
    method: 'POST',
    headers: json,
    body: JSON.stringify({
      method: 'password',
      csrf_token: csrf,
      password: randomBytes(12).toString('hex'),
      traits: { email: person.email, name: person.name },
    }),
  });
  if (!done.ok) {
    throw new Error(`Kratos signs nobody up: ${done.status} ${await done.text()}`);
  }
  return browser.cookies(kratos);
}

/** An access token by the authorization code grant; login and consent are accepted by the admin API, as a login app does. */
async function accessToken({ HYDRA_PUBLIC_URL: open, HYDRA_ADMIN_URL: admin }) {
  const redirectUri = `${nowhere}/callback`;
  const secret = randomBytes(24).toString('hex');
  const call = async (method, path, body) => {
    const response = await fetch(admin + path, { method, headers: json, body: JSON.stringify(body) });
    if (!response.ok) {
      throw new Error(`Hydra answered ${response.status} to ${path}: ${await response.text()}`);
    }
    return response.json();
  };
  const client = await call('POST', '/admin/clients', {
    client_secret: secret,
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code'],
    response_types: ['code'],
    scope: 'openid email',
    token_endpoint_auth_method: 'client_secret_post',
  });
  const browser = openBrowser();
  const query = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid email',
    state: randomBytes(16).toString('hex'),
  });
  /** Hydra names itself by its public address, behind which nothing is here. */
  const atHydra = (url) => open + new URL(url).pathname.replace(/^\/ory\/hydra/, '') + new URL(url).search;
  const challengeOf = async (url, name) => {
    const { url: at } = await browser.follow(atHydra(url), (next) => !next.startsWith(open));
    return new URL(at).searchParams.get(name);
  };
  const start = `${open}/oauth2/auth?${query}`;
  const login = await challengeOf(start, 'login_challenge');
  const loggedIn = await call('PUT', `/admin/oauth2/auth/requests/login/accept?login_challenge=${login}`, {
    subject: person.sub,
  });
  const consent = await challengeOf(loggedIn.redirect_to, 'consent_challenge');
  const granted = await call(
    'PUT',
    `/admin/oauth2/auth/requests/consent/accept?consent_challenge=${consent}`,
    { grant_scope: ['openid', 'email'], session: { access_token: { email: person.email } } },
  );
  const code = await challengeOf(granted.redirect_to, 'code');
  const answer = await fetch(`${open}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUri,
      client_id: client.client_id,
      client_secret: secret,
    }),
  });
  const { access_token: token } = await answer.json();
  if (token === undefined) {
    throw new Error(`Hydra gives no token: ${answer.status}`);
  }
  return token;
}
