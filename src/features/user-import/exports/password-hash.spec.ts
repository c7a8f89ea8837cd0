import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { passwordHashes } from '../../../../test/support/password.hashes.js';
import { toKratosHash } from './password-hash.js';
import { RefusedRecord } from './refused-record.js';

/** What is said of a hash that is refused; nothing of one that is taken. */
function reasonAgainst(text: string): string | undefined {
  try {
    toKratosHash(text);
    return undefined;
  } catch (error) {
    if (error instanceof RefusedRecord) {
      return error.message;
    }
    throw error;
  }
}

const unknown = "its password hash is of a kind, or in a form, that Kratos doesn't take";
const salt = 'c2l4dGVlbiBieXRlcyBvaw';
const key = 'LbkDBVxs21NlFA0UTiKn/u8u2grZ+4Q0IRTdUkkz0F8';
const bcryptRest = '86cCvFaUuKfyH22gBg5xmOqDtc4Aj/Ag1q.KS8oAGPW/zydVPwwDC';

describe('a hash that Kratos takes', () => {
  it.each(Object.entries(passwordHashes))('%s is written in one form', (_kind, hash) => {
    const written = toKratosHash(hash);
    expect(toKratosHash(written)).toBe(written);
  });

  it.each([
    ['$1$saltsalt$Q.lnHovAC6/WqLOjlLjwH/', '$md5-crypt$saltsalt$Q.lnHovAC6/WqLOjlLjwH/'],
    [`$5$rounds=05000$s$${'a'.repeat(43)}`, `$sha256-crypt$rounds=5000$s$${'a'.repeat(43)}`],
    [`$6$s$${'a'.repeat(86)}`, `$sha512-crypt$s$${'a'.repeat(86)}`],
    [`$scrypt$ln=14,r=8,p=1$${salt}$${key}`, `$scrypt$ln=16384,r=8,p=1$${salt}==$${key}=`],
    [`$scrypt$ln=16384,r=8,p=1$${salt}==$${key}=`, `$scrypt$ln=16384,r=8,p=1$${salt}==$${key}=`],
    [`$pbkdf2-sha256$i=01000,l=9$${salt}==$${key}=`, `$pbkdf2-sha256$i=1000,l=32$${salt}$${key}`],
    [`$argon2id$v=19$m=00008,t=1,p=1$${salt}==$${key}=`, `$argon2id$v=19$m=8,t=1,p=1$${salt}$${key}`],
    [`$2y$14$${bcryptRest}`, `$2y$14$${bcryptRest}`],
    [`$2a$04$${bcryptRest}`, `$2a$04$${bcryptRest}`],
  ])('%s', (hash, written) => {
    expect(toKratosHash(hash)).toBe(written);
  });

  it.each([
    `$argon2id$v=19$m=131072,t=4,p=1$${salt}$${key}`,
    `$argon2i$v=19$m=128,t=64,p=16$${salt}$${key}`,
    `$pbkdf2-sha256$i=2500000,l=32$${salt}$${key}`,
    `$scrypt$ln=131072,r=8,p=2$${salt}$${key}`,
    `$scrypt$ln=2,r=64,p=16$${salt}$${key}`,
    `$6$rounds=1000000$s$${'a'.repeat(86)}`,
    `$6$rounds=1000$s$${'a'.repeat(86)}`,
  ])('may cost as much as %s', (hash) => {
    expect(reasonAgainst(hash)).toBeUndefined();
  });
});

describe('a hash that Kratos does not take is named by its algorithm', () => {
  it.each([
    ['$y$j9T$salt$hash', 'yescrypt'],
    ['$P$B12345678', 'phpass'],
    ['$S$D12345678', "Drupal's SHA-512"],
    [`$argon2d$v=19$m=8,t=1,p=1$${salt}$${key}`, 'argon2d'],
    [`$pbkdf2-sha384$i=1000,l=48$${salt}$${key}`, 'PBKDF2 with SHA-384'],
    [`pbkdf2_sha256$1000$salt$${key}=`, "Django's PBKDF2"],
    ['5f4dcc3b5aa765d61d8327deb882cf99', 'a bare digest of 16 bytes, as of MD5'],
  ])('%s', (hash, algorithm) => {
    expect(reasonAgainst(hash)).toBe(`its password hash is ${algorithm}, which Kratos doesn't take`);
  });

  it.each([
    ['$2b$5$short', 'bcrypt'],
    [`$argon2id$v=16$m=8,t=1,p=1$${salt}$${key}`, 'argon2id'],
    [`$scrypt$N=1024,r=8,p=1$${salt}$${key}`, 'scrypt'],
  ])('%s, in another form than it should be', (hash, algorithm) => {
    expect(reasonAgainst(hash)).toBe(
      `its password hash is ${algorithm}, but in a form that Kratos doesn't take`,
    );
  });

  it('and what may be anything is not', () => {
    expect(reasonAgainst('$secret$word')).toBe(unknown);
  });
});

describe('is refused', () => {
  it.each([
    [`$2b$15$${bcryptRest}`, 'the cost of bcrypt must be 4 to 14'],
    [`$2b$03$${bcryptRest}`, 'the cost of bcrypt must be 4 to 14'],
    [`$argon2id$v=19$m=131073,t=1,p=1$${salt}$${key}`, 'the memory of argon2 must be 8 to 131072'],
    [`$argon2id$v=19$m=15,t=1,p=2$${salt}$${key}`, 'the memory of argon2 must be 16 to 131072'],
    [`$argon2id$v=19$m=8,t=65,p=1$${salt}$${key}`, 'the passes of argon2 must be 1 to 64'],
    [`$argon2id$v=19$m=8,t=0,p=1$${salt}$${key}`, 'the passes of argon2 must be 1 to 64'],
    [`$argon2id$v=19$m=8,t=1,p=0$${salt}$${key}`, 'the lanes of argon2 must be 1 to 16'],
    [`$argon2id$v=19$m=256,t=1,p=17$${salt}$${key}`, 'the lanes of argon2 must be 1 to 16'],
    [
      `$argon2id$v=19$m=131072,t=5,p=1$${salt}$${key}`,
      'memory and passes of argon2 together must be 1 to 524288',
    ],
    [`$pbkdf2-sha256$i=0,l=32$${salt}$${key}`, 'the iterations of PBKDF2 must be 1 to 2500000'],
    // Two blocks of SHA-1, so that each iteration is done twice.
    [`$pbkdf2-sha1$i=1250001,l=32$${salt}$${key}`, 'the iterations of PBKDF2 must be 1 to 2500000'],
    [`$scrypt$ln=262144,r=16,p=1$${salt}$${key}`, 'the memory of scrypt must be 1 to 134217728'],
    [`$scrypt$ln=131072,r=8,p=3$${salt}$${key}`, 'cost and lanes of scrypt together must be 1 to 268435456'],
    [`$scrypt$ln=1000,r=8,p=1$${salt}$${key}`, 'the cost of scrypt must be a power of two'],
    [`$scrypt$ln=0,r=8,p=1$${salt}$${key}`, 'the cost of scrypt must be a power of two'],
    [`$scrypt$ln=63,r=8,p=1$${salt}$${key}`, 'the memory of scrypt must be 1 to 134217728'],
    [`$scrypt$ln=16,r=0,p=1$${salt}$${key}`, 'the block size of scrypt must be 1 to 64'],
    [`$scrypt$ln=16,r=1,p=0$${salt}$${key}`, 'the lanes of scrypt must be 1 to 16'],
    [`$6$rounds=1000001$s$${'a'.repeat(86)}`, 'the rounds of SHA-crypt must be 1000 to 1000000'],
    [`$6$rounds=999$s$${'a'.repeat(86)}`, 'the rounds of SHA-crypt must be 1000 to 1000000'],
  ])('what costs too much, or what Kratos fails at: %s', (hash, reason) => {
    expect(reasonAgainst(hash)).toBe(reason);
  });

  it.each([
    [
      `$pbkdf2-sha256$i=1,l=0$${salt}$`,
      "its password hash is PBKDF2 with SHA-256, but in a form that Kratos doesn't take",
    ],
    [`$pbkdf2-sha256$i=1,l=1$${salt}$YQ`, 'the hash of its password must have 16 to 128 bytes'],
    [`$scrypt$ln=16,r=8,p=1$${salt}$YQ==`, 'the hash of its password must have 16 to 128 bytes'],
    [`$argon2id$v=19$m=8,t=1,p=1$${salt}$YQ`, 'the hash of its password must have 16 to 128 bytes'],
    [`$firescrypt$ln=14,r=8,p=1$${salt}$YQ==$$YQ==`, 'the hash of its password must have 16 to 128 bytes'],
    [`$firescrypt$ln=14,r=8,p=1$${salt}$YQ==$$${key}=`, 'the hash of its password must have 32 to 32 bytes'],
    ['$md5$YQ==', 'the hash of its password must have 16 to 16 bytes'],
    [
      `$sha1$pf=${Buffer.from('{PASSWORD}').toString('base64')}$$YQ==`,
      'the hash of its password must have 20 to 20 bytes',
    ],
    [
      `$sha256$pf=${Buffer.from('{SALT}').toString('base64')}$$${key}=`,
      'its hash has a salting format without the password: any password would match',
    ],
    ['{SSHA}YQ==', 'the hash of its password must have 21 to 276 bytes'],
    [`$hmac-sha256$${key}=$YQ==`, 'the hash of its password must have 64 to 64 bytes'],
    [
      `$hmac-md5$${Buffer.from('G'.repeat(32)).toString('base64')}$YQ==`,
      'its HMAC must be in lower-case hexadecimal, in base64',
    ],
  ])('what other passwords would match: %s', (hash, reason) => {
    expect(reasonAgainst(hash)).toBe(reason);
  });

  it.each([
    '',
    'an imported horse',
    '$2x$05$86cCvFaUuKfyH22gBg5xmOqDtc4Aj/Ag1q.KS8oAGPW/zydVPwwDC',
    `$argon2d$v=19$m=8,t=1,p=1$${salt}$${key}`,
    `$argon2id$v=16$m=8,t=1,p=1$${salt}$${key}`,
    // Kratos checks these with SHA-3, and nobody else makes them so.
    `$pbkdf2-sha384$i=1,l=32$${salt}$${key}`,
    `$pbkdf2-sha256$i=99999999999,l=32$${salt}$${key}`,
    `$pbkdf2-sha256$i=-1,l=32$${salt}$${key}`,
    `\n$2b$05$${bcryptRest}`,
    `$2b$05$${bcryptRest}\n`,
    `$6$rounds=5000$${'s'.repeat(17)}$${'a'.repeat(86)}`,
  ])('what Kratos does not take: %j', (hash) => {
    expect(reasonAgainst(hash)).toMatch(/^its password hash is .+ Kratos doesn't take$/);
  });

  it('a text that is too long, and base64 with bits that belong to no byte', () => {
    expect(reasonAgainst('a'.repeat(2049))).toBe('its password hash is too long');
    expect(reasonAgainst(`$pbkdf2-sha256$i=1,l=32$YR$${key}`)).toBe('the salt of its password is not base64');
    expect(reasonAgainst(`$pbkdf2-sha256$i=1,l=32$${'YWFh'.repeat(86)}$${key}`)).toBe(
      'the salt of its password must have 1 to 256 bytes',
    );
  });

  it('and no reason has a part of the hash', () => {
    const kinds = Object.values(passwordHashes);
    fc.assert(
      fc.property(
        fc.constantFrom(...kinds),
        fc.nat(200),
        fc.string({ maxLength: 4 }),
        (hash, place, change) => {
          const changed = hash.slice(0, place) + change + hash.slice(place + 1);
          const reason = reasonAgainst(changed) ?? '';
          for (let start = 0; start + 12 <= changed.length; start += 1) {
            expect(reason).not.toContain(changed.slice(start, start + 12));
          }
        },
      ),
    );
  });
});
