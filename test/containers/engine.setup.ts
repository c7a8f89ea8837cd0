import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import type { EngineKind, startEngine } from './container.engine.js';

declare module 'vitest' {
  interface ProvidedContext {
    /**
     * URL at which `/docker` and `/podman` answer with that engine's address, as a line of JSON. The files that use engines do so one after
     * the other: an answer begins when the one before it has been closed.
     */
    readonly containerEngineUrl: string;
  }
}

/** Brings an engine with its images when the first file asks for it: most runs need none, and some machines have none. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const started = new Map<string, ReturnType<typeof startEngine>>();
  const ends: Promise<void>[] = [];
  let turn: Promise<unknown> = Promise.resolve();
  const serve = async (kind: EngineKind, response: ServerResponse): Promise<void> => {
    if (response.closed) {
      return;
    }
    const left = once(response, 'close');
    try {
      const bringing = started.get(kind) ?? bringEngine(kind);
      started.set(kind, bringing);
      const { folder, pid } = (await bringing).engine;
      response.write(`${JSON.stringify({ kind, folder, pid })}\n`);
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
    await left;
    // One file uses it, and what asks about the health of its containers would go on until the last file has ended.
    if (kind === 'podman') {
      const ended = end(kind);
      // Reported when the tests end.
      ended.catch(() => undefined);
      ends.push(ended);
    }
  };
  const end = async (kind: string): Promise<void> => {
    const engine = started.get(kind);
    started.delete(kind);
    await (await engine?.catch(() => undefined))?.stop();
  };
  const server = createServer((request, response) => {
    const before = turn;
    turn = (async () => {
      await before;
      await serve(request.url === '/podman' ? 'podman' : 'docker', response);
    })();
  });
  // A file waits for as long as those before it take.
  server.requestTimeout = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  project.provide('containerEngineUrl', `http://127.0.0.1:${port}`);
  return async () => {
    server.close();
    server.closeAllConnections();
    await Promise.all([...ends, ...[...started.keys()].map(end)]);
  };
}

async function bringEngine(kind: EngineKind): ReturnType<typeof startEngine> {
  // Every run loads this module, and few of those of one file need an engine.
  const [{ bringContainerParts }, engines] = await Promise.all([
    import('./container.parts.js'),
    import('./container.engine.js'),
  ]);
  const parts = await bringContainerParts();
  return engines.startEngine(kind, await mkdtemp(join(tmpdir(), `vestibule-${kind}-`)), parts);
}
