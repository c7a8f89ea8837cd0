import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startEngine } from './container.engine.js';
import { bringContainerParts } from './container.parts.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Docker, as all files of this lane use it, one after the other. */
    readonly containerEngine: { readonly folder: string; readonly pid: number };
  }
}

/** Brings Docker with its images for the files of this lane. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const parts = await bringContainerParts();
  const { engine, stop } = await startEngine(await mkdtemp(join(tmpdir(), 'vestibule-docker-')), parts);
  project.provide('containerEngine', { folder: engine.folder, pid: engine.pid });
  return stop;
}
