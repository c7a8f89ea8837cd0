import { createCipheriv, createHash, createHmac, pbkdf2Sync, scryptSync } from 'node:crypto';

/** The password of everybody who is imported. */
export const importedPassword = 'an imported horse';

const salt = Buffer.from('sixteen bytes ok');
const bare = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');
const padded = (bytes: Buffer | string): string => Buffer.from(bytes).toString('base64');
const bcryptRest = '05$86cCvFaUuKfyH22gBg5xmOqDtc4Aj/Ag1q.KS8oAGPW/zydVPwwDC';

const sha = (name: string): Buffer => createHash(name).update(importedPassword).update(salt).digest();
const pbkdf2 = (name: string, length: number): Buffer =>
  pbkdf2Sync(importedPassword, salt, 1000, length, name);

/** A Firebase project's hash parameters, as its console shows them, and a user's password under them. */
export const firebaseProject = {
  parameters: `hash_config {
  algorithm: SCRYPT,
  base64_signer_key: ${padded(Buffer.alloc(64, 7))},
  base64_salt_separator: Bw==,
  rounds: 8,
  mem_cost: 14,
}
`,
  salt: padded(salt),
  passwordHash: padded(firebaseHash()),
};

function firebaseHash(): Buffer {
  const key = scryptSync(importedPassword, Buffer.concat([salt, Buffer.from([7])]), 32, {
    N: 2 ** 14,
    r: 8,
    p: 1,
  });
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(64, 7));
}

const pattern = padded('{PASSWORD}{SALT}');

/** The password as each system hashes it: what Kratos can check. */
export const passwordHashes = {
  'bcrypt 2a': `$2a$${bcryptRest}`,
  'bcrypt 2b': `$2b$${bcryptRest}`,
  'bcrypt 2y': `$2y$${bcryptRest}`,
  argon2id:
    '$argon2id$v=19$m=8192,t=2,p=1$c2l4dGVlbiBieXRlcyBvaw$LbkDBVxs21NlFA0UTiKn/u8u2grZ+4Q0IRTdUkkz0F8',
  argon2i: '$argon2i$v=19$m=8192,t=2,p=1$c2l4dGVlbiBieXRlcyBvaw$KHm+/SyG04T0qcZhNWPl0Yi09FEFLswRRWkEKA3NduE',
  'PBKDF2 sha1': `$pbkdf2-sha1$i=1000,l=20$${bare(salt)}$${bare(pbkdf2('sha1', 20))}`,
  'PBKDF2 sha256': `$pbkdf2-sha256$i=1000,l=32$${bare(salt)}$${bare(pbkdf2('sha256', 32))}`,
  'PBKDF2 sha512': `$pbkdf2-sha512$i=1000,l=64$${padded(salt)}$${padded(pbkdf2('sha512', 64))}`,
  'scrypt, N': `$scrypt$ln=1024,r=8,p=1$${padded(salt)}$${padded(scryptSync(importedPassword, salt, 32, { N: 1024, r: 8, p: 1 }))}`,
  'scrypt, the logarithm of N': `$scrypt$ln=10,r=8,p=1$${bare(salt)}$${bare(scryptSync(importedPassword, salt, 32, { N: 1024, r: 8, p: 1 }))}`,
  'crypt MD5': '$1$saltsalt$Q.lnHovAC6/WqLOjlLjwH/',
  'crypt SHA-256': '$5$saltsalt$juD8O8DVcais/vGWOXUUhN8iJYIzSdsp0C9qEFwACD6',
  'crypt SHA-512':
    '$6$saltsalt$clDTmTV/vn0E7DArGFaRH3OkHH2CpFMypwHf3A6m5lOVyy3LsOVq8jQQQgxnkXFoCVE7eYEcUvJqZmEby.gNx/',
  SSHA: `{SSHA}${padded(Buffer.concat([sha('sha1'), salt]))}`,
  SSHA256: `{SSHA256}${padded(Buffer.concat([sha('sha256'), salt]))}`,
  SSHA512: `{SSHA512}${padded(Buffer.concat([sha('sha512'), salt]))}`,
  SHA1: `$sha1$pf=${pattern}$${padded(salt)}$${padded(sha('sha1'))}`,
  'SHA-256': `$sha256$pf=${pattern}$${padded(salt)}$${padded(sha('sha256'))}`,
  'SHA-512': `$sha512$pf=${pattern}$${padded(salt)}$${padded(sha('sha512'))}`,
  MD5: `$md5$${padded(createHash('md5').update(importedPassword).digest())}`,
  'MD5 with salt': `$md5$pf=${pattern}$${padded(salt)}$${padded(sha('md5'))}`,
  'HMAC SHA-256': `$hmac-sha256$${padded(createHmac('sha256', 'a key').update(importedPassword).digest('hex'))}$${padded('a key')}`,
  'HMAC SHA-512': `$hmac-sha512$${padded(createHmac('sha512', 'a key').update(importedPassword).digest('hex'))}$${padded('a key')}`,
  'Firebase scrypt': `$firescrypt$ln=14,r=8,p=1$${firebaseProject.salt}$${firebaseProject.passwordHash}$Bw==$${padded(Buffer.alloc(64, 7))}`,
} as const;

/** Keycloak's credential of this password, as its realm export has it. */
export function keycloakCredential(kind: 'pbkdf2-sha256' | 'pbkdf2-sha512' | 'argon2'): object {
  if (kind === 'argon2') {
    const [saltText = '', value = ''] = passwordHashes.argon2id.split('$').slice(-2);
    return {
      type: 'password',
      secretData: JSON.stringify({ value, salt: saltText, additionalParameters: {} }),
      credentialData: JSON.stringify({
        hashIterations: 2,
        algorithm: 'argon2',
        additionalParameters: {
          hashLength: ['32'],
          memory: ['8192'],
          type: ['id'],
          version: ['1.3'],
          parallelism: ['1'],
        },
      }),
    };
  }
  return {
    type: 'password',
    secretData: JSON.stringify({
      value: padded(pbkdf2(kind.slice('pbkdf2-'.length), 64)),
      salt: padded(salt),
      additionalParameters: {},
    }),
    credentialData: JSON.stringify({ hashIterations: 1000, algorithm: kind, additionalParameters: {} }),
  };
}
