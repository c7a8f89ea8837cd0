import { randomFillSync } from 'node:crypto';
import createSodium from 'libsodium';

/** Bytes of XChaCha20-Poly1305's key, nonce and tag. */
export const keyLength = 32;
const nonceLength = 24;
const tagLength = 16;
/** Bytes of the longest text that is encrypted or decrypted: no browser keeps a cookie of that size. */
const maximumLength = 16_384;
/** Bytes of the longest associated data. */
const associatedRoom = 32;

const sodium = await createSodium();
/** The place in the library's memory for a key, associated data, a nonce, and a text with its tag, in this order. */
const keyAt = sodium._malloc(keyLength + associatedRoom + nonceLength + maximumLength + tagLength);
const associatedAt = keyAt + keyLength;
const nonceAt = associatedAt + associatedRoom;
const textAt = nonceAt + nonceLength;
/** Nothing else is allocated, so the memory never grows and stays where it is. */
const memory = Buffer.from(sodium.HEAPU8.buffer);

/**
 * Encrypts texts as `base64url(nonce | ciphertext | tag)`, by libsodium's XChaCha20-Poly1305 with a random nonce. It exists only for speed:
 * `libsodium-wrappers` allocates, copies and frees five times for each call, and this works in one place of the library's memory
 * (docs/adr/0018).
 */
export class TextCipher {
  /** Bytes of key and associated data, as they are in memory. */
  readonly #key: Buffer;
  readonly #associatedLength: number;

  /**
   * @param key of 32 bytes.
   * @param associated is authenticated with each text; at most 32 bytes.
   */
  constructor(key: Uint8Array, associated: string) {
    this.#associatedLength = Buffer.byteLength(associated);
    if (key.length !== keyLength || this.#associatedLength > associatedRoom) {
      throw new RangeError('a key of 32 bytes, and at most as many that are authenticated');
    }
    this.#key = Buffer.concat([key, Buffer.from(associated)]);
  }

  /** @throws {RangeError} for a text of more than 16,384 bytes of UTF-8, which fits in no cookie. */
  encrypt(text: string): string {
    const length = Buffer.byteLength(text);
    if (length > maximumLength) {
      throw new RangeError('longer than any cookie');
    }
    memory.set(this.#key, keyAt);
    randomFillSync(memory, nonceAt, nonceLength);
    memory.write(text, textAt);
    sodium._crypto_aead_xchacha20poly1305_ietf_encrypt(
      textAt,
      0,
      textAt,
      length,
      0,
      associatedAt,
      this.#associatedLength,
      0,
      0,
      nonceAt,
      keyAt,
    );
    return memory.toString('base64url', nonceAt, textAt + length + tagLength);
  }

  /** The number of characters that {@link encrypt} returns for a text. */
  encryptedLength(text: string): number {
    return Math.ceil(((nonceLength + Buffer.byteLength(text) + tagLength) * 4) / 3);
  }

  /** Decrypts what {@link encrypt} returned; undefined for anything else. Never throws. */
  decrypt(encrypted: string): string | undefined {
    const bytes = decode(encrypted);
    const length = bytes - nonceLength - tagLength;
    if (length < 0) {
      return undefined;
    }
    memory.set(this.#key, keyAt);
    const verdict = sodium._crypto_aead_xchacha20poly1305_ietf_decrypt(
      textAt,
      0,
      0,
      textAt,
      length + tagLength,
      0,
      associatedAt,
      this.#associatedLength,
      0,
      nonceAt,
      keyAt,
    );
    const text = verdict === 0 ? memory.toString('utf8', textAt, textAt + length) : undefined;
    // No text stays longer than it is needed.
    memory.fill(0, textAt, textAt + length);
    return text;
  }
}

/**
 * Writes the bytes of base64url to where the nonce and the text are. @returns how many; 0 unless the text is their only encoding, and they
 * fit: decoders ignore foreign characters and the unused bits of the last one, and one cookie would otherwise have many spellings.
 */
function decode(encoded: string): number {
  const length = memory.write(encoded, nonceAt, nonceLength + maximumLength + tagLength, 'base64url');
  return memory.toString('base64url', nonceAt, nonceAt + length) === encoded ? length : 0;
}
