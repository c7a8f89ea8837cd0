// The limit: the same answer without any question.
import { startPeer, versionsOf } from './peer.mjs';

function unguarded(name, title, versions) {
  return {
    name,
    title,
    kind: 'limit',
    versions,
    async start(bench) {
      const { origin, pid, stop } = await startPeer(bench, name);
      return { processes: () => [pid], stop, cases: [{ id: name, title, url: `${origin}/bench/guest` }] };
    },
  };
}

export const nodeHttp = unguarded(
  'node-http',
  'node:http, unguarded',
  (bench) => `Node ${bench.nodeVersion}`,
);
export const nest = unguarded('nest', 'Nest with Fastify, unguarded', () =>
  versionsOf('@nestjs/core', '@nestjs/platform-fastify'),
);
export const fastify = unguarded('fastify', 'Fastify, unguarded', () => versionsOf('fastify'));
