// What the peers that are Node programs (bench/peers) have in common.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, nodeSettings, startChild } from '../child.mjs';

export const peersFolder = fileURLToPath(new URL('../peers', import.meta.url));

/** Installed versions of packages, for the report. */
export function versionsOf(...names) {
  return names
    .map((name) => {
      const path = join(peersFolder, 'node_modules', name, 'package.json');
      return `${name} ${JSON.parse(readFileSync(path, 'utf8')).version}`;
    })
    .join(', ');
}

/** Starts a program of bench/peers on a port of its own. */
export async function startPeer(bench, program, env = {}, probe = '/') {
  const port = env.PORT ?? (await freePort());
  const origin = `http://127.0.0.1:${port}`;
  const { pid, stop } = await startChild({
    command: bench.node,
    args: [join(peersFolder, `${program}.mjs`)],
    env: { ...nodeSettings, ...env, PORT: String(port) },
    log: join(bench.folder, `${program}.log`),
    probe: origin + probe,
  });
  return { origin, pid, stop };
}

/** A bearer token out of an answer's text. */
export async function bearerFrom(url) {
  const response = await fetch(url);
  return { authorization: `Bearer ${await response.text()}` };
}
