import { expect, it } from 'vitest';
import { logInIn } from '../support/browser.person.js';
import { blockRunBy } from '../support/document.blocks.js';
import { upLimit, useSelfHoster } from './self.hoster.js';

const host = useSelfHoster({ engine: 'podman', modes: 'go=u-w' });

it(
  'the same compose file and commands on Podman: built, all healthy, a login over TLS, and stopped in order',
  async () => {
    const page = blockRunBy('docs/production.md', 'test/containers/podman.spec.ts', 'podman');
    const commands = page
      .replace('unix:///run/podman/podman.sock', `unix://${host.engine.folder}/docker.sock`)
      // There is no journal here.
      .replace('=journald', '=k8s-file');
    const printed = await host.shell(commands);
    // Both gateways have one image.
    expect(printed.match(/RUN npm run build/g)).toHaveLength(1);
    const states = [...(await host.services()).values()];
    expect(states.filter(({ Health }) => Health === 'unhealthy')).toEqual([]);
    expect(states.filter(({ Health }) => Health === 'healthy').length).toBeGreaterThan(6);

    const window = await host.page('localhost');
    const administrator = {
      email: 'admin@vestibule.example',
      password: await host.secret('admin_password'),
    };
    await logInIn(window, 'https://localhost:8443', administrator);
    expect(await window.locator('body').innerText()).toContain(administrator.email);

    await host.shell('cd docker && docker compose --profile mailbox stop');
    const ended = await host.services();
    expect(ended.get('postgres')?.ExitCode).toBe(0);
    // None was killed: 137.
    expect(
      [...ended.values()].filter(({ ExitCode }) => ExitCode === 137).map(({ Service }) => Service),
    ).toEqual([]);
  },
  upLimit,
);
