import { RefusedRecord } from './refused-record.js';

/** What hashes that Kratos doesn't take look like → their algorithms. Only names of this list are printed, nothing of a hash. */
const unsupported: readonly (readonly [RegExp, string])[] = [
  [/^\$y\$/, 'yescrypt'],
  [/^\$gy\$/, 'gost-yescrypt'],
  [/^\$7\$/, 'scrypt in the form of crypt(3)'],
  [/^\$2x?\$/, 'an old, faulty bcrypt'],
  [/^\$bcrypt-sha256\$|^bcrypt_sha256\$/, 'bcrypt of a SHA-256'],
  [/^\$argon2d\$/, 'argon2d'],
  [/^\$pbkdf2-sha224\$/, 'PBKDF2 with SHA-224'],
  [/^\$pbkdf2-sha384\$/, 'PBKDF2 with SHA-384'],
  [/^\$[PH]\$/, 'phpass'],
  [/^\$S\$/, "Drupal's SHA-512"],
  [/^\$apr1\$/, "Apache's MD5"],
  [/^\$3\$/, 'NT-Hash'],
  [/^\{SHA\}/i, 'SHA-1 without a salt'],
  [/^\{SMD5\}/i, 'MD5 with a salt in the form of LDAP'],
  [/^\{MD5\}/i, 'MD5 in the form of LDAP'],
  [/^\{CRYPT\}/i, 'crypt(3) in the form of LDAP'],
  [/^pbkdf2_sha(?:1|256)\$/, "Django's PBKDF2"],
  [/^argon2\$argon2/, "Django's argon2"],
  [/^pbkdf2:/, "Werkzeug's PBKDF2"],
  [/^scrypt:/, "Werkzeug's scrypt"],
  [/^[\da-f]{32}$/i, 'a bare digest of 16 bytes, as of MD5'],
  [/^[\da-f]{40}$/i, 'a bare digest of 20 bytes, as of SHA-1'],
  [/^[\da-f]{64}$/i, 'a bare digest of 32 bytes, as of SHA-256'],
  [/^[\da-f]{128}$/i, 'a bare digest of 64 bytes, as of SHA-512'],
];

/** The algorithms that Kratos takes, in the forms that docs/importing-users.md lists. */
const supported: readonly (readonly [RegExp, string])[] = [
  [/^\$2[aby]\$/, 'bcrypt'],
  [/^\$argon2id\$/, 'argon2id'],
  [/^\$argon2i\$/, 'argon2i'],
  [/^\$pbkdf2-sha1\$/, 'PBKDF2 with SHA-1'],
  [/^\$pbkdf2-sha256\$/, 'PBKDF2 with SHA-256'],
  [/^\$pbkdf2-sha512\$/, 'PBKDF2 with SHA-512'],
  [/^\$scrypt\$/, 'scrypt'],
  [/^\$firescrypt\$/, "Firebase's scrypt"],
  [/^\$(?:1|md5-crypt)\$/, 'MD5-crypt'],
  [/^\$(?:5|sha256-crypt)\$/, 'SHA-256-crypt'],
  [/^\$(?:6|sha512-crypt)\$/, 'SHA-512-crypt'],
  [/^\{SSHA(?:256|512)?\}/, 'SSHA'],
  [/^\$md5\$/, 'MD5'],
  [/^\$sha(?:1|256|512)\$/, 'SHA'],
  [/^\$hmac-(?:md4|md5|sha1|sha224|sha256|sha384|sha512)\$/, 'HMAC'],
];

/** Why a hash that is in none of the forms of Kratos is refused: its algorithm, or the form. */
export function refusedHash(hash: string): RefusedRecord {
  const name = nameIn(unsupported, hash);
  const misshapen = nameIn(supported, hash);
  if (name !== undefined) {
    return new RefusedRecord(`its password hash is ${name}, which Kratos doesn't take`);
  }
  return misshapen === undefined
    ? new RefusedRecord("its password hash is of a kind, or in a form, that Kratos doesn't take")
    : misshapenHash(misshapen);
}

/** Why a hash of a supported algorithm is refused. @param algorithm is printed. */
export function misshapenHash(algorithm: string): RefusedRecord {
  return new RefusedRecord(`its password hash is ${algorithm}, but in a form that Kratos doesn't take`);
}

/** Why a hash is refused whose algorithm the file names. A name that may be something else, as a salt or a hash, isn't printed. */
export function unsupportedHash(algorithm: string): RefusedRecord {
  return /^[a-z][a-z\d-]{0,19}$/.test(algorithm)
    ? new RefusedRecord(`its password hash is ${algorithm}, which Kratos doesn't take`)
    : refusedHash('');
}

function nameIn(names: readonly (readonly [RegExp, string])[], hash: string): string | undefined {
  return names.find(([form]) => form.test(hash))?.[1];
}
