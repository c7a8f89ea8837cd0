// Logins by password on Vestibule's own pages, with Kratos and Hydra behind it.
import { startStack } from '../servers/ory.mjs';
import { loginAt } from './password.login.mjs';
import { emailOf, password } from './people.mjs';

/** A hash of the password by bcrypt with the least work (4), which Kratos imports as it is, and replaces by its own at the first login. */
const hashed = '$2b$04$abcdefghijklmnopqrstuuRYH9r6IeG10lmK1d4CWCC48s9cT5glq';

/** @param origin the gateway's public address. @returns the gateway's settings, and how one of its people logs in. */
export async function startOryLogins(bench, origin, people) {
  const stack = await startStack(bench, origin);
  const emails = Array.from({ length: people }, (_value, index) => emailOf(index));
  for (const email of emails) {
    const answer = await fetch(`${stack.env.KRATOS_ADMIN_URL}/admin/identities`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        schema_id: 'default',
        traits: { email, name: 'Ada Lovelace' },
        credentials: { password: { config: { hashed_password: hashed } } },
      }),
    });
    if (!answer.ok) {
      throw new Error(`Kratos makes no identity: ${answer.status} ${await answer.text()}`);
    }
  }
  let logins = 0;
  return {
    env: { AUTH_PROVIDER: 'ory', ...stack.env },
    /** Hydra's database. */
    hydraUrl: stack.hydra.database.url,
    /** Hydra and the processes that serve its database. */
    hydra: async () => [stack.hydra.child.pid, ...(await stack.hydra.database.processes())],
    kratos: async () => [stack.kratos.child.pid, ...(await stack.kratos.database.processes())],
    stop: stack.stop,
    /** From the start to the session's cookie, as a browser without scripts. */
    async login() {
      const email = emails[logins % people];
      logins += 1;
      await loginAt({ origin, email, password });
    },
  };
}
