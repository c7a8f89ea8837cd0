import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { logInIn } from '../support/browser.person.js';
import { waitUntil } from '../support/stack.js';
import { checkout, ownEnvironment, timeout, useJourney } from './journey.js';

const journey = useJourney();

function initialPassword(): { readonly status: number | null; readonly stdout: string } {
  return spawnSync(process.execPath, ['dist/cli/main.js', 'initial-password'], {
    cwd: checkout,
    env: { ...ownEnvironment(), DATA_DIR: journey.dataDir },
    encoding: 'utf8',
  });
}

it(
  'an operator whose screen was cleared asks for the password again, until it has been used',
  async () => {
    const { email, password } = journey.administrator;
    expect(initialPassword()).toMatchObject({ status: 0, stdout: `${email}  ${password}\n` });

    // The command that the terminal prints is for this data folder.
    const [, printed = ''] = /To see it again:\n\s+(\S.*)/.exec(journey.terminal()) ?? [];
    const installed = printed.replace('npx @vestibule-auth/vestibule', 'node dist/cli/main.js');
    const again = spawnSync('sh', ['-c', installed], {
      cwd: checkout,
      env: ownEnvironment(),
      encoding: 'utf8',
    });
    expect(again).toMatchObject({ status: 0, stdout: `${email}  ${password}\n` });

    await journey.restart();
    expect(journey.administrator.password).toBe(password);

    const page = await journey.browser();
    await logInIn(page, journey.url, { email, password });
    await waitUntil(() => initialPassword().status === 1, 'the password to be forgotten', 60_000);

    await journey.restart();
    expect(journey.terminal().split(password).length - 1).toBe(2);

    // One line a request: what the proxy and the pages do on the way has none.
    const requests =
      journey.terminal().match(/^gateway \| \d\d:\d\d:\d\d (?:GET|POST) \/\S* \d+ \(.*$/gm) ?? [];
    expect(requests.length).toBeGreaterThan(3);
    expect(journey.terminal()).not.toContain('remote server');
    expect(requests.filter((line) => / \/(?:api\/v1\/|health\/ready)/.test(line))).toEqual([]);
  },
  6 * timeout,
);
