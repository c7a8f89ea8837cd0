import type { CryptoKey } from 'jose';
import { encode, sign } from './token.forge.js';

/** Values of a claim that state no time, as JSON has them, or as it can't. */
const noTimes = [
  '"4000000000"',
  'true',
  '-1',
  '4000000000.5',
  '1e400',
  '9007199254740992',
  'NaN',
  'null',
  '[1]',
];

const withBitsBehind = (segment: string): string => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return segment.slice(0, -1) + (alphabet[alphabet.indexOf(segment.slice(-1)) + 1] ?? '');
};

const letters = 'the letters of base64';

/** Other spellings of a segment that some decoders take. */
const spellings: Readonly<Record<string, (segment: string) => string>> = {
  'one equals sign': (segment) => `${segment}=`,
  'two equals signs': (segment) => `${segment}==`,
  'bits behind the last byte': withBitsBehind,
  [letters]: (segment) => segment.replaceAll('-', '+').replaceAll('_', '/'),
};

/**
 * Tokens whose signature is right, and which no verifier takes: times that are no whole numbers, and segments in other spellings than
 * base64url's one (RFC 7515 section 2).
 * @returns each with what is wrong.
 */
export async function misspelledTokens(
  key: CryptoKey,
  header: object,
  claims: object,
): Promise<readonly (readonly [string, string])[]> {
  const vectors: [string, string][] = [];
  const head = encode(header);
  for (const name of ['exp', 'iat', 'nbf', 'auth_time']) {
    for (const value of noTimes) {
      const payload = JSON.stringify({ ...claims, [name]: '@' }).replace('"@"', value);
      const input = `${head}.${encode(payload)}`;
      vectors.push([`${name}: ${value}`, `${input}.${await sign(key, input)}`]);
    }
  }
  for (const [name, spell] of Object.entries(spellings)) {
    // No header has a character that these letters differ in.
    for (const place of name === letters ? [1, 2] : [0, 1, 2]) {
      vectors.push([`${name} in part ${place + 1}`, await misspelled(key, [header, claims], place, spell)]);
    }
  }
  return vectors;
}

/** A token of which one segment is spelled otherwise. Blanks around its JSON are varied until it can be. */
async function misspelled(
  key: CryptoKey,
  [header, claims]: readonly [object, object],
  place: number,
  spell: (segment: string) => string,
): Promise<string> {
  for (let blanks = 0; ; blanks += 1) {
    const parts = [header, { ...claims, name: '~~~???ÿ' }].map(
      (value) => `${JSON.stringify(value)}${' '.repeat(blanks)}`,
    );
    const segments = parts.map(encode);
    const signature = await sign(key, segments.join('.'));
    const good = [...segments, signature][place] ?? '';
    const bad = spell(good);
    const isOther = bad !== good && Buffer.from(bad, 'base64').equals(Buffer.from(good, 'base64url'));
    if (isOther && place === 2) {
      return [...segments, bad].join('.');
    }
    if (isOther) {
      const input = segments.with(place, bad).join('.');
      return `${input}.${await sign(key, input)}`;
    }
    if (blanks > 1000) {
      throw new Error('no text can be spelled so');
    }
  }
}
