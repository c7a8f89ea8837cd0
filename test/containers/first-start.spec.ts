import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { upLimit, useSelfHoster } from './self.hoster.js';

/** As under umask 027: only the owner and the group may read a file of the checkout. */
const host = useSelfHoster({ modes: 'g=u-w,o=' });
const up = './make-secrets.sh && docker compose up --detach --build --wait';

it(
  'a first start of PostgreSQL that failed ends the command, and `down --volumes` lets the next one succeed, from a checkout under umask 027',
  async () => {
    const file = join(host.folder, 'docker/postgres/databases.sh');
    const right = await readFile(file, 'utf8');
    const wrong = right.replace(/^done$/m, 'exit 1\ndone');
    expect(wrong).not.toBe(right);
    await writeFile(file, wrong);
    const failed = await host.tryShell(up);
    expect(failed.code).not.toBe(0);
    expect(failed.output).toMatch(/postgres-1 is unhealthy/);

    await writeFile(file, right);
    expect((await host.tryShell('docker compose down --volumes')).code).toBe(0);
    await host.shell(`cd docker && ${up}`);
    const states = [...(await host.services()).values()];
    expect(states.filter(({ Health }) => Health === 'unhealthy')).toEqual([]);
    expect(states.filter(({ Health }) => Health === 'healthy').length).toBeGreaterThan(6);
  },
  upLimit,
);
