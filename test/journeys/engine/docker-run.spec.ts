import { expect, it } from 'vitest';
import { upLimit, useSelfHoster } from '../../containers/self.hoster.js';
import { logInIn, signUpIn } from '../../support/browser.person.js';
import { blockRunBy } from '../../support/document.blocks.js';
import { newPerson } from '../../support/person.js';
import { waitUntil } from '../../support/stack.js';

const page = 'docs/production.md';
const self = 'test/journeys/engine/docker-run.spec.ts';
const origin = 'http://localhost:3000';
const host = useSelfHoster();

/** Waits for what one container prints. Each question is a program of its own. */
const readyTimes = async (times: number): Promise<string> => {
  const logs = (): Promise<string> => host.engine.runOrThrow(['docker', 'logs', 'vestibule']);
  const isReady = async (): Promise<boolean> => (await logs()).split('Vestibule is ready').length > times;
  await expect.poll(isReady, { interval: 1000, timeout: 300_000 }).toBe(true);
  return logs();
};

it(
  'a user tries it by one `docker run`: sign up, the mail in the mailbox, and the account outlives the container',
  async () => {
    // The programs are those of the cache: a build with Go takes minutes. docs/internals/containers.md
    const withPrograms = '--build-arg PROGRAMS=vestibule-test/programs --file docker/trial.Dockerfile';
    await host.shell(blockRunBy(page, self, 'build').replace('-f docker/trial.Dockerfile', withPrograms));
    const [start = '', follow] = blockRunBy(page, self, 'start').trim().split('\n');
    expect(follow).toBe('docker logs --follow vestibule');
    host.cleanUpWith('docker rm --force --volumes vestibule; docker volume rm vestibule');
    await host.shell(start);
    const printed = await readyTimes(1);
    expect(printed).toContain(`Vestibule is ready: ${origin}`);
    expect(printed).toContain('Mailbox, where every mail ends up: http://127.0.0.1:8025');
    const password = /Password: +(\S+)/.exec(printed)?.[1] ?? '';

    const window = await host.page('localhost');
    const person = newPerson();
    await signUpIn(window, origin, person);
    const mails = await window.context().newPage();
    await waitUntil(async () => {
      await mails.goto('http://localhost:8025');
      return (await mails.locator('body').innerText()).includes(person.email);
    }, 'the mail');

    await host.shell(`docker rm --force vestibule\n${start}`);
    expect(await readyTimes(1)).not.toContain('building');
    await window.goto(`${origin}/`);
    expect(await window.locator('body').innerText()).toContain(person.email);
    const other = await host.page('localhost');
    await logInIn(other, origin, { email: 'admin@vestibule.example', password });
    expect(await other.locator('body').innerText()).toContain('admin@vestibule.example');
  },
  upLimit,
);
