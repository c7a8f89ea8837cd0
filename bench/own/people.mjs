// People who log in by one password, in Kratos or in Keycloak, with a hash that both take as it is.

export const emailOf = (index) => `person-${index}@example.org`;
export const password = 'a long passphrase for the benchmark';
/** Argon2id as Keycloak 26 hashes by default. Both products check a hash with the parameters that it brings, and neither makes it anew. */
const cost = { memory: 7168, passes: 5, lanes: 1 };
const [salt, key] = ['c2FsdCBvZiAxNiBieXRlcw', 'gweWpbYWU2Q3TZCHpbUZHjQS63LvIKvlmvuJqtYS4uU'];
export const hashTitle = `Argon2id, ${cost.memory} KiB, ${cost.passes} passes, ${cost.lanes} lane (Keycloak’s default)`;
export const encodedHash = `$argon2id$v=19$m=${cost.memory},t=${cost.passes},p=${cost.lanes}$${salt}$${key}`;

/** A person as Kratos' admin API imports them. */
export function kratosIdentity(index) {
  const email = emailOf(index);
  return {
    schema_id: 'default',
    traits: { email, name: 'Ada Lovelace' },
    verifiable_addresses: [{ value: email, via: 'email', verified: true, status: 'completed' }],
    credentials: { password: { config: { hashed_password: encodedHash } } },
  };
}

/** A person as Keycloak imports them. */
export function keycloakUser(index) {
  return {
    username: emailOf(index),
    email: emailOf(index),
    emailVerified: true,
    enabled: true,
    firstName: 'Ada',
    lastName: 'Lovelace',
    // What everybody has that Keycloak's own pages or its admin API make.
    realmRoles: ['default-roles-bench'],
    credentials: [
      {
        type: 'password',
        credentialData: JSON.stringify({
          hashIterations: cost.passes,
          algorithm: 'argon2',
          additionalParameters: {
            hashLength: ['32'],
            memory: [String(cost.memory)],
            type: ['id'],
            version: ['1.3'],
            parallelism: [String(cost.lanes)],
          },
        }),
        secretData: JSON.stringify({ value: `${key}=`, salt: `${salt}==`, additionalParameters: {} }),
      },
    ],
  };
}
