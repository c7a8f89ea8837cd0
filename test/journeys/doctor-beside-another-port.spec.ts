import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { logInIn } from '../support/browser.person.js';
import { checkout, ownEnvironment, timeout, useJourney } from './journey.js';

const journey = useJourney({ env: { SPA_REDIRECT_URIS: 'http://localhost:5173/callback' } });

/** Runs the doctor in a shell that knows the data folder alone: the port was set in front of `npm start`. */
function doctor(...args: readonly string[]): { readonly status: number | null; readonly stdout: string } {
  return spawnSync(process.execPath, ['dist/cli/main.js', 'doctor', '--timeout', '20', ...args], {
    cwd: checkout,
    env: { ...ownEnvironment(), DATA_DIR: journey.dataDir },
    encoding: 'utf8',
  });
}

it(
  'an operator starts on another port, runs the doctor in another shell, and users still log in',
  async () => {
    expect(doctor()).toMatchObject({ status: 0, stdout: 'all good\n' });
    expect(doctor('--fix')).toMatchObject({ status: 0, stdout: 'all good\n' });

    const page = await journey.browser();
    await logInIn(page, journey.url, journey.administrator);
    await page.getByRole('heading', { level: 1 }).waitFor();
    expect(new URL(page.url()).pathname).toBe('/');
  },
  6 * timeout,
);
