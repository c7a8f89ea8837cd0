import { Database } from '../../src/platform/database/database.schema.js';
import { OryAdmin } from './ory.admin.js';
import { logIn, newPerson, type Person } from './person.js';
import type { Stack } from './stack.js';
import type { UserAgent } from './user-agent.js';

/** Logs somebody in whose e-mail address is verified. */
export async function arriveVerified(
  agent: UserAgent,
  { env }: Pick<Stack, 'env'>,
  person: Person = newPerson(),
): Promise<Person> {
  await new OryAdmin(env).createPerson(person, { isVerified: true });
  await logIn(agent, person);
  return person;
}

/** Stores that somebody's address is verified, as a login would learn it. */
export async function setVerified(
  { app }: Pick<Stack, 'app'>,
  { email }: Pick<Person, 'email'>,
): Promise<void> {
  const { query } = app().get(Database, { strict: false });
  await query.updateTable('users').set({ email_verified: 1 }).where('email', '=', email).execute();
}
