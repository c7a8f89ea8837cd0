// Proxies that do nothing but pass requests on: what a hop costs on this machine.
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, nodeSettings, startChild } from '../child.mjs';

const program = fileURLToPath(new URL('../peers/proxy.mjs', import.meta.url));

/** In Node. @param upstream origin to which requests go. */
export async function startNodeProxy(bench, upstream) {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const { pid, stop } = await startChild({
    command: bench.node,
    args: [program],
    env: { ...nodeSettings, UPSTREAM: upstream, PORT: String(port) },
    log: join(bench.folder, `proxy-${port}.log`),
    probe: `${origin}/health/alive`,
  });
  return { origin, processes: () => [pid], stop };
}

/** nginx, with one process as a gateway has. @param upstream origin to which requests go. */
export async function startNginx(bench, upstream) {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const folder = mkdtempSync(join(bench.folder, 'nginx-'));
  mkdirSync(join(folder, 'temporary'));
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path temporary/${name};`)
    .join('\n  ');
  writeFileSync(
    join(folder, 'nginx.conf'),
    `worker_processes 1;
master_process off;
daemon off;
pid nginx.pid;
error_log error.log;
events {}
http {
  access_log off;
  ${temporary}
  upstream hydra { server ${new URL(upstream).host}; keepalive 16; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://hydra;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
    }
  }
}
`,
  );
  const { pid, stop } = await startChild({
    command: process.env.NGINX ?? '/usr/sbin/nginx',
    args: ['-p', folder, '-c', 'nginx.conf'],
    log: join(bench.folder, `nginx-${port}.log`),
    probe: `${origin}/health/alive`,
  });
  return { origin, processes: () => [pid], stop };
}
