import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Database } from '../../src/platform/database/database.schema.js';
import { type Load, startLoad } from '../support/load.js';
import { OryAdmin } from '../support/ory.admin.js';
import { importedPassword, passwordHashes } from '../support/password.hashes.js';
import { type Person, logIn, newPerson, signUp } from '../support/person.js';
import { enrolTotp } from '../support/second.factor.js';
import { type Stack, startStack } from '../support/stack.js';
import { type Page, UserAgent, formOf } from '../support/user-agent.js';

const rounds = 12;
/** Requests that change the name at the same time, all the time. */
const lanes = 4;
const isApp = (agent: UserAgent) => agent.fetch('/api/v1/me').then(({ status }) => status === 200);

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
});

afterAll(async () => {
  await stack?.stop();
});

/** Changes the name of a session's account until it's stopped. */
function startRenaming(agent: UserAgent): Load {
  return startLoad(lanes, async (lane) => {
    await agent.fetch('/api/v1/me', {
      method: 'PATCH',
      headers: { origin: stack.url, 'content-type': 'application/json' },
      body: JSON.stringify({ name: `Name ${lane}` }),
    });
    return undefined;
  });
}

it('a password that is changed while an intruder keeps changing the name stays changed', async () => {
  const outcomes: boolean[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const person = newPerson();
    const [owner, intruder] = [new UserAgent(stack.url), new UserAgent(stack.url)];
    await signUp(owner, person);
    await logIn(intruder, person);
    const settings = await owner.navigate('/ui/settings');
    const renaming = startRenaming(intruder);
    const password = `another ${person.password}`;
    await owner.submit(settings, { password }, { name: 'method', value: 'password' });
    await renaming.stop();
    const later = new UserAgent(stack.url);
    await logIn(later, { email: person.email, password }).catch(() => undefined);
    outcomes.push(await isApp(later));
  }
  expect(outcomes).toEqual(Array.from({ length: rounds }, () => true));
});

it('a backup code counts once, also if the name is changed meanwhile', async () => {
  const person = newPerson();
  await new OryAdmin(stack.env).createPerson(person, { isVerified: true });
  const owner = new UserAgent(stack.url);
  await logIn(owner, person);
  // The page offers codes once there is something that they replace.
  await enrolTotp(owner);
  const codes = await makeBackupCodes(owner);
  expect(codes.length).toBeGreaterThanOrEqual(rounds);
  const outcomes: boolean[] = [];
  for (const code of codes.slice(0, rounds)) {
    const [first, second] = [await atSecondStep(person), await atSecondStep(person)];
    const renaming = startRenaming(owner);
    await first.agent.submit(first.page, { lookup_secret: code });
    await renaming.stop();
    await second.agent.submit(second.page, { lookup_secret: code }).catch(() => undefined);
    outcomes.push((await isApp(first.agent)) && !(await isApp(second.agent)));
  }
  expect(outcomes).toEqual(Array.from({ length: rounds }, () => true));
});

describe('a password that is changed while somebody tries the one that was imported', () => {
  it.each([
    ['stays changed: Kratos judges those logins by the new one', ''],
    ['stays changed, also if the form has a backup code beside the password', 'x'],
  ])('%s', async (_what, code) => {
    const outcomes: unknown[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const { person, owner, identityId } = await importedOwner();
      const outsiders = await Promise.all(
        Array.from({ length: lanes }, async () => {
          const agent = new UserAgent(stack.url);
          return { agent, form: await agent.navigate('/ui/login') };
        }),
      );
      const settings = await owner.navigate('/ui/settings');
      const password = `another ${person.password}`;
      const changing = owner.submit(settings, { password }, { name: 'method', value: 'password' });
      await expect.poll(() => isHeld(identityId), { interval: 1, timeout: 60_000 }).toBe(true);
      const secret = { identifier: person.email, password: importedPassword };
      const tried = outsiders.map(async ({ agent, form }) => {
        const { action, body } = formOf(form, secret, { name: 'method', value: 'password' });
        body.set('lookup_secret', code);
        return agent.navigate(action, { method: 'POST', body });
      });
      const changed = await changing;
      await Promise.all(tried);
      const lives = await Promise.all(outsiders.map(({ agent }) => hasSession(agent)));
      outcomes.push([
        changed.status,
        lives.includes(true),
        await opens(person, importedPassword),
        await opens(person, password),
      ]);
    }
    expect(outcomes).toEqual(Array.from({ length: rounds }, () => [200, false, false, true]));
  });

  it('waits for none of those who guess, however many they are', async () => {
    const { person, owner } = await importedOwner();
    const guessing = startLoad(3 * lanes, async () => {
      await logIn(new UserAgent(stack.url), { email: person.email, password: 'a wrong horse' });
      return undefined;
    });
    const settings = await owner.navigate('/ui/settings');
    const password = `another ${person.password}`;
    const changed = await owner.submit(settings, { password }, { name: 'method', value: 'password' });
    await guessing.stop();
    expect([changed.status, await opens(person, importedPassword), await opens(person, password)]).toEqual([
      200,
      false,
      true,
    ]);
  });
});

/** Somebody with a session, and an imported password hash that Kratos would make anew at a login. */
async function importedOwner(): Promise<{ person: Person; owner: UserAgent; identityId: string }> {
  const ory = new OryAdmin(stack.env);
  const person = newPerson();
  const owner = new UserAgent(stack.url);
  await signUp(owner, person);
  const { identityId } = await ory.sessionOf(owner);
  await ory.importPassword(identityId, person, passwordHashes['MD5 with salt']);
  return { person, owner, identityId };
}

/** Whether a change of this identity has its turn. */
async function isHeld(identityId: string): Promise<boolean> {
  const held = await stack
    .app()
    .get(Database, { strict: false })
    .query.selectFrom('locks')
    .select('name')
    .where('name', '=', `identity ${identityId}`)
    .execute();
  return held.length > 0;
}

async function hasSession(agent: UserAgent): Promise<boolean> {
  return (await agent.fetch('/ory/kratos/sessions/whoami')).status === 200;
}

async function opens({ email }: Person, password: string): Promise<boolean> {
  const agent = new UserAgent(stack.url);
  await logIn(agent, { email, password });
  return hasSession(agent);
}

async function atSecondStep(person: Person): Promise<{ agent: UserAgent; page: Page }> {
  const agent = new UserAgent(stack.url);
  return { agent, page: await logIn(agent, person) };
}

const codesSchema = z.looseObject({
  ui: z.looseObject({
    nodes: z.array(
      z.looseObject({
        attributes: z.looseObject({
          id: z.string().optional(),
          text: z.looseObject({ context: z.unknown() }).optional(),
        }),
      }),
    ),
  }),
});
const secretsSchema = z.looseObject({
  secrets: z.array(z.looseObject({ text: z.string() })),
});

/** Makes backup codes in the settings, and confirms them. */
async function makeBackupCodes(agent: UserAgent): Promise<readonly string[]> {
  const page = await agent.submit(
    await agent.navigate('/ui/settings'),
    {},
    {
      name: 'lookup_secret_regenerate',
      value: 'true',
    },
  );
  const id = new URL(page.url).searchParams.get('flow');
  const flow = (await agent.fetch(`/ory/kratos/self-service/settings/flows?id=${id}`)).json();
  const shown = codesSchema
    .parse(flow)
    .ui.nodes.find(({ attributes }) => attributes.id === 'lookup_secret_codes');
  await agent.submit(page, {}, { name: 'lookup_secret_confirm', value: 'true' });
  return secretsSchema.parse(shown?.attributes.text?.context).secrets.map(({ text }) => text);
}
