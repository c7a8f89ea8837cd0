import { randomFillSync } from 'node:crypto';
import createSodium from 'libsodium';
import { deriveBytes, protectedHeader } from '../core/secret.box.js';

/** Bytes of XChaCha20-Poly1305: of its key, its nonce and its tag. */
const keyLength = 32;
const nonceLength = 24;
const tagLength = 16;
/** Characters of the last two in base64url. */
const nonceCharacters = 32;
const tagCharacters = 22;
/** Bytes of the longest text that is sealed or opened: no browser keeps a cookie of as many. */
const maximumLength = 16_384;
const headerRoom = 128;
const purpose = 'session-cookie';
const dot = 46;

interface CipherKey {
  /** The first two segments of every JWE made with this key: compared as text, so no other header is ever parsed. */
  readonly start: string;
  /** The key, and the header as additional authenticated data (RFC 7516 section 5.1). */
  readonly bytes: Uint8Array;
}

const sodium = await createSodium();
/** The place where it works: for a key, a header, a nonce, a text and a tag. */
const keyAt = sodium._malloc(20_480);
const headerAt = keyAt + keyLength;
const nonceAt = headerAt + headerRoom;
const textAt = nonceAt + nonceLength;
/** As long as nothing else is allocated, the library's memory stays where it is. */
const memory = Buffer.from(sodium.HEAPU8.buffer);

/**
 * Seals texts into session cookies and opens them: JWE compact (RFC 7516) with `dir` and `XC20P`, which is XChaCha20-Poly1305 with a random
 * nonce (draft-amringer-jose-chacha, draft-irtf-cfrg-xchacha), by libsodium. Keys follow from the deployment's secrets; the first one
 * seals, all open. docs/adr/0018 says why not A256GCM.
 */
export class CookieCipher {
  readonly #keys: readonly CipherKey[];
  readonly #sealing: CipherKey;

  /** @param secrets each at least 32 random bytes; the first one seals. */
  constructor(secrets: readonly Uint8Array[]) {
    this.#keys = secrets.map(deriveKey);
    const [first] = this.#keys;
    if (first === undefined) {
      throw new RangeError('a cipher needs at least one secret');
    }
    this.#sealing = first;
  }

  /**
   * Text → compact JWE.
   * @throws {RangeError} for one of more than 16,384 bytes of UTF-8, which is in no cookie.
   */
  seal(text: string): string {
    const length = Buffer.byteLength(text);
    if (length > maximumLength) {
      throw new RangeError('longer than any cookie');
    }
    const { start, bytes } = this.#sealing;
    memory.set(bytes, keyAt);
    randomFillSync(memory, nonceAt, nonceLength);
    memory.write(text, textAt);
    sodium._crypto_aead_xchacha20poly1305_ietf_encrypt(
      textAt,
      0,
      textAt,
      length,
      0,
      headerAt,
      bytes.length - keyLength,
      0,
      0,
      nonceAt,
      keyAt,
    );
    const segments = [
      memory.toString('base64url', nonceAt, textAt),
      memory.toString('base64url', textAt, textAt + length),
      memory.toString('base64url', textAt + length, textAt + length + tagLength),
    ];
    return start + segments.join('.');
  }

  /** Characters of what {@link seal} makes of a text. */
  sealedLength(text: string): number {
    const textCharacters = Math.ceil((Buffer.byteLength(text) * 4) / 3);
    return this.#sealing.start.length + nonceCharacters + textCharacters + tagCharacters + '..'.length;
  }

  /** Compact JWE → text, or undefined for anything that this cipher didn't seal. Never throws. */
  open(sealed: string): string | undefined {
    const key = this.#keys.find(({ start }) => sealed.startsWith(start));
    return key === undefined ? undefined : openWith(key, sealed);
  }
}

function openWith({ start, bytes }: CipherKey, sealed: string): string | undefined {
  const nonceEnd = start.length + nonceCharacters;
  const tagStart = sealed.length - tagCharacters;
  if (
    nonceEnd + 1 >= tagStart ||
    sealed.charCodeAt(nonceEnd) !== dot ||
    sealed.charCodeAt(tagStart - 1) !== dot
  ) {
    return undefined;
  }
  const length = decode(sealed.slice(nonceEnd + 1, tagStart - 1), textAt, maximumLength);
  if (
    length === undefined ||
    decode(sealed.slice(start.length, nonceEnd), nonceAt, nonceLength) !== nonceLength ||
    decode(sealed.slice(tagStart), textAt + length, tagLength) !== tagLength
  ) {
    return undefined;
  }
  memory.set(bytes, keyAt);
  const verdict = sodium._crypto_aead_xchacha20poly1305_ietf_decrypt(
    textAt,
    0,
    0,
    textAt,
    length + tagLength,
    0,
    headerAt,
    bytes.length - keyLength,
    0,
    nonceAt,
    keyAt,
  );
  const text = verdict === 0 ? memory.toString('utf8', textAt, textAt + length) : undefined;
  // No text stays longer than it is needed.
  memory.fill(0, textAt, textAt + length);
  return text;
}

/**
 * Writes a base64url segment's bytes to an address. @returns how many; undefined when there are more, or the segment isn't the one encoding that
 * decodes to them: decoders overlook foreign characters and the unused bits of a last one, and one cookie would have many spellings.
 */
function decode(segment: string, address: number, room: number): number | undefined {
  const length = memory.write(segment, address, room, 'base64url');
  return memory.toString('base64url', address, address + length) === segment ? length : undefined;
}

function deriveKey(secret: Uint8Array): CipherKey {
  const header = protectedHeader(secret, purpose, 'XC20P');
  const key = deriveBytes(secret, purpose, 'xchacha20poly1305', keyLength);
  return { start: `${header}..`, bytes: Buffer.concat([key, Buffer.from(header, 'ascii')]) };
}
