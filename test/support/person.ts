import { randomBytes } from 'node:crypto';
import { formOf, type Page, type UserAgent } from './user-agent.js';

/** Somebody with an account. */
export interface Person {
  readonly email: string;
  readonly password: string;
  readonly name: string;
}

/** Somebody new. */
export function newPerson(): Person {
  const id = randomBytes(6).toString('hex');
  return { email: `person-${id}@example.org`, password: `correct horse ${id}`, name: `Person ${id}` };
}

/** Signs up by the pages, from /auth/signup on. @returns the page at the end. */
export async function signUp(agent: UserAgent, person: Person, returnTo = '/'): Promise<Page> {
  const page = await agent.navigate(`/auth/signup?${new URLSearchParams({ return_to: returnTo })}`);
  return agent.submit(page, {
    'traits.email': person.email,
    'traits.name': person.name,
    password: person.password,
  });
}

/** Logs in by the pages, from /auth/login on. @returns the page at the end. */
export async function logIn(
  agent: UserAgent,
  person: Pick<Person, 'email' | 'password'>,
  returnTo = '/',
): Promise<Page> {
  const page = await agent.navigate(`/auth/login?${new URLSearchParams({ return_to: returnTo })}`);
  return agent.submit(page, { identifier: person.email, password: person.password });
}

/** Logs in at Kratos alone: the browser doesn't go on to the gateway's callback. */
export async function logInAtKratosAlone(
  agent: UserAgent,
  { email, password }: Pick<Person, 'email' | 'password'>,
): Promise<void> {
  const page = await agent.navigate('/ory/kratos/self-service/login/browser');
  const { action, body } = formOf(page, { identifier: email, password });
  await agent.fetch(action, { method: 'POST', body, headers: { origin: new URL(action).origin } });
}
