import { z } from 'zod';
import type { OryConfiguration } from '../platform/config/configuration.js';
import { serviceAddress } from '../platform/core/service-address.js';
import { KratosClient } from '../providers/ory/kratos/kratos.client.js';
import { isAdministrator, kratosIssuer } from '../providers/ory/kratos/kratos-session.js';
import { activeAdministrators, userOfIdentity } from '../directory/users/user.query.js';
import type { Check } from './check.port.js';
import { readDatabase } from './database.check.js';
import { NoAnswerError, ask, reasonOf } from './http.probe.js';

const flowSchema = z.looseObject({ id: z.uuid() });
const loginSchema = z.looseObject({ session_token: z.string() });

/** Checks that the first administrator exists and can log in. */
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
      // Without a password, the administrator is expected to sign up with that address.
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

/** Checks that the deployment has an administrator. */
export const administratorsCheck: Check = {
  name: 'administrators',
  isCheap: false,
  run: async ({ DATABASE_URL }) => {
    const found = await readDatabase(DATABASE_URL, async (query) =>
      activeAdministrators(query).limit(1).execute(),
    );
    return found?.length === 0 ? [{ code: 'administrator_none' }] : [];
  },
};

/** Reads the role of an identity's user. @returns undefined if it can't be read, or there is no such user yet. */
async function roleOf(databaseUrl: string, subject: string): Promise<'user' | 'admin' | undefined> {
  return readDatabase(databaseUrl, async (query) => {
    const user = await userOfIdentity(query, { issuer: kratosIssuer, subject })
      .select('users.role')
      .executeTakeFirst();
    return user?.role;
  });
}

/** Whether a login with the password succeeds. Uses Kratos' API flow, asks for no second factor, and logs out again. */
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
