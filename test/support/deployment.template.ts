import { existsSync } from 'node:fs';
import { cp, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { inject } from 'vitest';
import { waitForLock } from '../../scripts/lock.mjs';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { ownEnvironment, startVestibule } from '../journeys/started.vestibule.js';
import { waitUntil } from './stack.js';

/**
 * Fills a data folder as a first `npm start` leaves it, with an administrator who has never logged in. Half of what a first start takes of
 * a core goes to Ory's migrations and Hydra's keys: one is made per run of the tests.
 */
export async function prepareDeployment(dataDir: string): Promise<void> {
  const template = join(inject('runFolder'), 'deployment');
  const release = await waitForLock(`${template}.lock`, () => undefined);
  try {
    if (!existsSync(template)) {
      const [port = 0] = await findFreePorts(1);
      const draft = `${template}.draft`;
      const started = await startVestibule({ ...ownEnvironment(), PORT: String(port), DATA_DIR: draft });
      await waitUntil(() => started.output().includes('administrator are set up'), 'the set-up at Ory');
      await started.stop();
      await rename(draft, template);
    }
  } finally {
    release();
  }
  await cp(template, dataDir, { recursive: true });
}
