import { z } from 'zod';
import type { OryConfiguration } from '../config/configuration.js';
import { serviceAddress } from '../core/service.address.js';
import { KratosClient } from '../kratos/kratos.client.js';
import { isAdministrator, kratosIssuer } from '../kratos/kratos.session.js';
import { userOfIdentity } from '../users/user.query.js';
import type { Check } from './check.port.js';
import { readDatabase } from './database.check.js';
import { NoAnswerError, ask, reasonOf } from './http.probe.js';

const flowSchema = z.looseObject({ id: z.uuid() });
const loginSchema = z.looseObject({ session_token: z.string() });

/** The first administrator is there and can log in. */
export const administratorCheck: Check<OryConfiguration> = {
  name: 'administrator',
  isCheap: false,
  run: async (configuration) => {
    const { ADMIN_EMAIL: email, ADMIN_PASSWORD: password, KRATOS_ADMIN_URL, DATABASE_URL } = configuration;
    if (email === undefined) {
      return password === undefined
        ? []
        : [{ code: 'administrator_incomplete', detail: 'ADMIN_EMAIL is missing' }];
    }
    const identity = await new KratosClient(configuration)
      .findIdentityByEmail(email)
      .catch((error: unknown) => {
        throw new NoAnswerError(serviceAddress(KRATOS_ADMIN_URL).origin, reasonOf(error));
      });
    if (identity === undefined) {
      // Without a password, somebody is to sign up with that address.
      return password === undefined ? [] : [{ code: 'administrator_missing' }];
    }
    const role = await roleOf(DATABASE_URL, identity.id);
    if (role === undefined ? !isAdministrator(identity) : role !== 'admin') {
      return [{ code: 'administrator_ordinary' }];
    }
    if (identity.state === 'inactive') {
      return [{ code: 'administrator_disabled' }];
    }
    return password === undefined || (await logsIn(configuration, email, password))
      ? []
      : [{ code: 'administrator_password_differs' }];
  },
};

/** @returns the role of an identity's user; undefined where it can't be read, or there is no such user yet. */
async function roleOf(databaseUrl: string, subject: string): Promise<'user' | 'admin' | undefined> {
  return readDatabase(databaseUrl, async (query) => {
    const user = await userOfIdentity(query, { issuer: kratosIssuer, subject })
      .select('users.role')
      .executeTakeFirst();
    return user?.role;
  });
}

/** Logs in as an application would, and out again. A second factor is not asked for here. */
async function logsIn(
  { KRATOS_PUBLIC_URL }: OryConfiguration,
  identifier: string,
  password: string,
): Promise<boolean> {
  const { data: flow } = flowSchema.safeParse(
    (await ask(`${KRATOS_PUBLIC_URL}/self-service/login/api`)).json,
  );
  const query = new URLSearchParams({ flow: flow?.id ?? '' });
  const answer = await ask(`${KRATOS_PUBLIC_URL}/self-service/login?${query}`, {
    method: 'POST',
    headers: { accept: 'application/json' },
    body: { method: 'password', identifier, password },
  });
  const { data: session } = loginSchema.safeParse(answer.json);
  if (session === undefined) {
    return false;
  }
  await ask(`${KRATOS_PUBLIC_URL}/self-service/logout/api`, {
    method: 'DELETE',
    body: { session_token: session.session_token },
  });
  return true;
}
