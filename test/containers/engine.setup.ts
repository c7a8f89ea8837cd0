import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startEngine } from './container.engine.js';
import { bringContainerParts } from './container.parts.js';

declare module 'vitest' {
  interface ProvidedContext {
    /**
     * URL whose answer is Docker's engine, as a line of JSON with `folder` and `pid`. The files that use it do so one after the other: an
     * answer begins when the one before it has been closed.
     */
    readonly containerEngineUrl: string;
  }
}

/** Brings Docker with its images when the first file asks for it: most runs need none, and some machines have none. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  let started: ReturnType<typeof startEngine> | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  const serve = async (response: ServerResponse): Promise<void> => {
    if (response.closed) {
      return;
    }
    const left = once(response, 'close');
    try {
      started ??= bringEngine();
      const { folder, pid } = (await started).engine;
      response.write(`${JSON.stringify({ folder, pid })}\n`);
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
    await left;
  };
  const server = createServer((_request, response) => {
    const before = turn;
    turn = (async () => {
      await before;
      await serve(response);
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
    const running = await started?.catch(() => undefined);
    await running?.stop();
  };
}

async function bringEngine(): ReturnType<typeof startEngine> {
  const parts = await bringContainerParts();
  return startEngine(await mkdtemp(join(tmpdir(), 'vestibule-docker-')), parts);
}
