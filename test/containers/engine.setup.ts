import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startEngine } from './container.engine.js';
import { bringContainerParts } from './container.parts.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** URL whose answer is Docker's engine (`folder` and `pid` as JSON), as all files of this lane use it, one after the other. */
    readonly containerEngineUrl: string;
  }
}

/**
 * Brings Docker with its images when the first file of this lane asks for it: the other lanes run before that, and also where there is
 * no Docker.
 */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  let started: ReturnType<typeof startEngine> | undefined;
  const server = createServer((_request, response) => {
    started ??= bringEngine();
    started.then(
      ({ engine: { folder, pid } }) => response.end(JSON.stringify({ folder, pid })),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
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
