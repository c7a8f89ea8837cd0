import { refusedHash } from './hash-name.js';
import { RefusedRecord } from './refused-record.js';

/**
 * What a hash may cost to check: about half a second of one core, and 128 MiB. Each login of the user pays it again, so that a
 * file could otherwise make logins stall Kratos.
 */
export const hashBounds = {
  bcryptCost: 14,
  /** KiB of one pass, and of all passes together. */
  argon2Memory: 131_072,
  argon2Work: 524_288,
  /** Iterations, times the blocks of the derived key (RFC 8018 section 5.2). */
  pbkdf2Work: 2_500_000,
  /** Bytes of one lane (128 · N · r, RFC 7914 section 2), and of all lanes together. */
  scryptMemory: 134_217_728,
  scryptWork: 268_435_456,
  cryptRounds: 1_000_000,
} as const;

/** Bytes of a derived key. A short one is matched by many passwords, and an empty one by every password. */
const keyLength = { least: 16, most: 128 };
const longestSalt = 256;
const longestHash = 2048;
const digestLengths: Readonly<Record<string, number>> = {
  md4: 16,
  md5: 16,
  sha1: 20,
  sha224: 28,
  sha256: 32,
  sha384: 48,
  sha512: 64,
};

/** A kind of hash: what it looks like, and how it is checked and written for Kratos. */
interface HashFormat {
  readonly form: RegExp;
  readonly toKratos: (part: (name: string) => string) => string;
}

const base64 = '[A-Za-z0-9+/]+={0,2}';
const count = String.raw`\d{1,10}`;

/** The kinds that Kratos 1.3.1 takes (its hash/hash_comparator.go). */
const formats: readonly HashFormat[] = [
  {
    form: /^\$2(?<minor>[aby])\$(?<cost>\d\d)\$(?<rest>[./A-Za-z0-9]{53})$/,
    toKratos: (part) => {
      requireWithin('the cost of bcrypt', Number(part('cost')), 4, hashBounds.bcryptCost);
      return `$2${part('minor')}$${part('cost')}$${part('rest')}`;
    },
  },
  {
    form: new RegExp(
      String.raw`^\$argon2(?<kind>id|i)\$v=19\$m=(?<memory>${count}),t=(?<passes>${count}),p=(?<lanes>${count})\$(?<salt>${base64})\$(?<key>${base64})$`,
    ),
    toKratos: (part) => {
      const [memory, passes, lanes] = [Number(part('memory')), Number(part('passes')), Number(part('lanes'))];
      requireWithin('the memory of argon2', memory, 8 * lanes, hashBounds.argon2Memory);
      requireWithin('the passes of argon2', passes, 1, 64);
      requireWithin('the lanes of argon2', lanes, 1, 16);
      requireWithin('memory and passes of argon2 together', memory * passes, 1, hashBounds.argon2Work);
      const salt = unpadded(bytesOf(part('salt'), 'salt', 1, longestSalt));
      const key = unpadded(keyOf(part('key')));
      return `$argon2${part('kind')}$v=19$m=${memory},t=${passes},p=${lanes}$${salt}$${key}`;
    },
  },
  {
    // Kratos checks sha224 and sha384 with SHA-3, so nothing that was made elsewhere would ever match.
    form: new RegExp(
      String.raw`^\$pbkdf2-(?<digest>sha1|sha256|sha512)\$i=(?<iterations>${count}),l=${count}\$(?<salt>${base64})\$(?<key>${base64})$`,
    ),
    toKratos: (part) => {
      const iterations = Number(part('iterations'));
      const key = keyOf(part('key'));
      const blocks = Math.ceil(key.length / digestLength(part('digest')));
      requireWithin('the iterations of PBKDF2', iterations * blocks, 1, hashBounds.pbkdf2Work);
      const salt = unpadded(bytesOf(part('salt'), 'salt', 1, longestSalt));
      return `$pbkdf2-${part('digest')}$i=${iterations},l=${key.length}$${salt}$${unpadded(key)}`;
    },
  },
  {
    form: new RegExp(
      String.raw`^\$scrypt\$ln=(?<cost>${count}),r=(?<block>${count}),p=(?<lanes>${count})\$(?<salt>${base64})\$(?<key>${base64})$`,
    ),
    toKratos: (part) => {
      const given = Number(part('cost'));
      // Others write the logarithm of N there, as the format's name has it; Kratos writes N.
      const cost = given < 64 ? 2 ** given : given;
      const [block, lanes] = [Number(part('block')), Number(part('lanes'))];
      requireScrypt(cost, block, lanes);
      const salt = bytesOf(part('salt'), 'salt', 1, longestSalt).toString('base64');
      const key = keyOf(part('key')).toString('base64');
      return `$scrypt$ln=${cost},r=${block},p=${lanes}$${salt}$${key}`;
    },
  },
  {
    form: new RegExp(
      String.raw`^\$firescrypt\$ln=(?<cost>${count}),r=(?<block>${count}),p=(?<lanes>${count})\$(?<salt>${base64})\$(?<key>${base64})\$(?<separator>(?:${base64})?)\$(?<signer>${base64})$`,
    ),
    toKratos: (part) => {
      const [cost, block, lanes] = [Number(part('cost')), Number(part('block')), Number(part('lanes'))];
      requireWithin('the cost of scrypt', cost, 1, 30);
      requireScrypt(2 ** cost, block, lanes);
      const signer = keyOf(part('signer'));
      const key = bytesOf(part('key'), 'hash', signer.length, signer.length).toString('base64');
      const salt = bytesOf(part('salt'), 'salt', 1, longestSalt).toString('base64');
      const separator = bytesOf(part('separator'), 'salt separator', 0, longestSalt).toString('base64');
      return `$firescrypt$ln=${cost},r=${block},p=${lanes}$${salt}$${key}$${separator}$${signer.toString('base64')}`;
    },
  },
  {
    form: /^\$(?:1|md5-crypt)\$(?<salt>[./0-9A-Za-z]{1,8})\$(?<key>[./0-9A-Za-z]{22})$/,
    toKratos: (part) => `$md5-crypt$${part('salt')}$${part('key')}`,
  },
  cryptFormat('5', 'sha256', 43),
  cryptFormat('6', 'sha512', 86),
  {
    form: new RegExp(`^\\{SSHA(?<size>|256|512)\\}(?<key>${base64})$`),
    toKratos: (part) => {
      const length = digestLength(`sha${part('size') || '1'}`);
      const key = bytesOf(part('key'), 'hash', length + 1, length + longestSalt);
      return `{SSHA${part('size')}}${key.toString('base64')}`;
    },
  },
  {
    form: new RegExp(
      String.raw`^\$(?<digest>md5|sha1|sha256|sha512)\$pf=(?<pattern>${base64})\$(?<salt>(?:${base64})?)\$(?<key>${base64})$`,
    ),
    toKratos: (part) => {
      const pattern = bytesOf(part('pattern'), 'salting format', 1, longestSalt);
      if (!pattern.includes('{PASSWORD}')) {
        throw new RefusedRecord(
          'its hash has a salting format without the password: any password would match',
        );
      }
      const salt = bytesOf(part('salt'), 'salt', 0, longestSalt).toString('base64');
      const length = digestLength(part('digest'));
      const key = bytesOf(part('key'), 'hash', length, length).toString('base64');
      return `$${part('digest')}$pf=${pattern.toString('base64')}$${salt}$${key}`;
    },
  },
  {
    form: new RegExp(String.raw`^\$md5\$(?<key>${base64})$`),
    toKratos: (part) => `$md5$${bytesOf(part('key'), 'hash', 16, 16).toString('base64')}`,
  },
  {
    form: new RegExp(
      String.raw`^\$hmac-(?<digest>md4|md5|sha1|sha224|sha256|sha384|sha512)\$(?<key>${base64})\$(?<secret>${base64})$`,
    ),
    toKratos: (part) => {
      // The digest is written in hexadecimal first, and that in base64.
      const length = 2 * digestLength(part('digest'));
      const key = bytesOf(part('key'), 'hash', length, length);
      if (!/^[\da-f]+$/.test(key.toString('latin1'))) {
        throw new RefusedRecord('its HMAC must be in lower-case hexadecimal, in base64');
      }
      const secret = bytesOf(part('secret'), 'key', 1, longestSalt);
      return `$hmac-${part('digest')}$${key.toString('base64')}$${secret.toString('base64')}`;
    },
  },
];

/**
 * A password hash as Kratos takes it.
 * @throws {RefusedRecord} if Kratos doesn't know it, it costs more than {@link hashBounds}, or it would match other passwords.
 */
export function toKratosHash(text: string): string {
  if (text.length > longestHash) {
    throw new RefusedRecord('its password hash is too long');
  }
  for (const { form, toKratos } of formats) {
    const groups = form.exec(text)?.groups;
    if (groups !== undefined) {
      return toKratos((name) => groups[name] ?? '');
    }
  }
  throw refusedHash(text);
}

/** `$5$` and `$6$` of crypt(3), and how Kratos calls them. */
function cryptFormat(id: string, digest: string, length: number): HashFormat {
  return {
    form: new RegExp(
      String.raw`^\$(?:${id}|${digest}-crypt)\$(?:rounds=(?<rounds>${count})\$)?(?<salt>[./0-9A-Za-z]{1,16})\$(?<key>[./0-9A-Za-z]{${length}})$`,
    ),
    toKratos: (part) => {
      const rounds = part('rounds');
      if (rounds !== '') {
        requireWithin('the rounds of SHA-crypt', Number(rounds), 1000, hashBounds.cryptRounds);
      }
      const stated = rounds === '' ? '' : `rounds=${Number(rounds)}$`;
      return `$${digest}-crypt$${stated}${part('salt')}$${part('key')}`;
    },
  };
}

function requireScrypt(cost: number, block: number, lanes: number): void {
  if (cost < 2 || !Number.isInteger(Math.log2(cost))) {
    throw new RefusedRecord('the cost of scrypt must be a power of two');
  }
  requireWithin('the block size of scrypt', block, 1, 64);
  requireWithin('the lanes of scrypt', lanes, 1, 16);
  requireWithin('the memory of scrypt', 128 * cost * block, 1, hashBounds.scryptMemory);
  requireWithin('cost and lanes of scrypt together', 128 * cost * block * lanes, 1, hashBounds.scryptWork);
}

function requireWithin(what: string, value: number, least: number, most: number): void {
  if (value < least || value > most) {
    throw new RefusedRecord(`${what} must be ${least} to ${most}`);
  }
}

function digestLength(digest: string): number {
  return digestLengths[digest] ?? 0;
}

function keyOf(text: string): Buffer {
  return bytesOf(text, 'hash', keyLength.least, keyLength.most);
}

/** Decodes base64, with or without its padding. @throws {RefusedRecord} for another length, or bits that belong to no byte. */
function bytesOf(text: string, what: string, least: number, most: number): Buffer {
  const bytes = Buffer.from(text, 'base64');
  if (unpadded(bytes) !== text.replace(/=+$/, '')) {
    throw new RefusedRecord(`the ${what} of its password is not base64`);
  }
  if (bytes.length < least || bytes.length > most) {
    throw new RefusedRecord(`the ${what} of its password must have ${least} to ${most} bytes`);
  }
  return bytes;
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}
