import { randomBytes } from 'node:crypto';
import sodium from 'libsodium-wrappers';
import { deriveBytes, keyIdOf } from '../../platform/crypto/purpose-cipher.js';

await sodium.ready;

/** Bytes of XChaCha20-Poly1305's key, nonce and tag. */
const keyLength = sodium.crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
const nonceLength = sodium.crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
const tagLength = sodium.crypto_aead_xchacha20poly1305_ietf_ABYTES;
/** Bytes of the longest text that is encrypted or decrypted: no browser keeps a cookie of that size. */
const maximumLength = 16_384;
const purpose = 'session-cookie';

interface CipherKey {
  /** The key's id and a dot: the start of every cookie that is encrypted with it. */
  readonly start: string;
  /** The same as additional authenticated data. */
  readonly associated: Uint8Array;
  readonly bytes: Uint8Array;
}

/**
 * Encrypts and decrypts the text of session cookies: `kid.base64url(nonce | ciphertext | tag)`, by XChaCha20-Poly1305 with a random
 * nonce (draft-irtf-cfrg-xchacha). Keys are derived from the deployment's secrets; the first one encrypts, all decrypt.
 * docs/adr/0018 explains the choice of cipher and form.
 */
export class CookieCipher {
  readonly #keys: readonly CipherKey[];
  readonly #encrypting: CipherKey;

  /** @param secrets each at least 32 random bytes; the first one encrypts. */
  constructor(secrets: readonly Uint8Array[]) {
    this.#keys = secrets.map(deriveKey);
    const [first] = this.#keys;
    if (first === undefined) {
      throw new RangeError('a cipher needs at least one secret');
    }
    this.#encrypting = first;
  }

  /** Encrypts a text. @throws {RangeError} for a text of more than 16,384 bytes of UTF-8, which fits in no cookie. */
  encrypt(text: string): string {
    const plain = Buffer.from(text);
    if (plain.length > maximumLength) {
      throw new RangeError('longer than any cookie');
    }
    const { start, associated, bytes } = this.#encrypting;
    const nonce = randomBytes(nonceLength);
    const encrypted = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(
      plain,
      associated,
      null,
      nonce,
      bytes,
    );
    return start + Buffer.concat([nonce, encrypted]).toString('base64url');
  }

  /** The number of characters that {@link encrypt} returns for a text. */
  encryptedLength(text: string): number {
    const length = nonceLength + Buffer.byteLength(text) + tagLength;
    return this.#encrypting.start.length + Math.ceil((length * 4) / 3);
  }

  /** Decrypts what {@link encrypt} returned; undefined for anything else. Never throws. */
  decrypt(encrypted: string): string | undefined {
    const key = this.#keys.find(({ start }) => encrypted.startsWith(start));
    return key === undefined ? undefined : decryptWith(key, decode(encrypted.slice(key.start.length)));
  }
}

/**
 * The bytes of base64url; undefined unless the text is their only encoding: decoders ignore foreign characters and the unused bits of
 * the last one, and one cookie would otherwise have many spellings.
 */
function decode(encoded: string): Buffer | undefined {
  const bytes = Buffer.from(encoded, 'base64url');
  return bytes.toString('base64url') === encoded ? bytes : undefined;
}

/** @param sealed nonce, ciphertext and tag. */
function decryptWith({ associated, bytes }: CipherKey, sealed: Buffer | undefined): string | undefined {
  const length = (sealed?.length ?? 0) - nonceLength - tagLength;
  if (sealed === undefined || length < 0 || length > maximumLength) {
    return undefined;
  }
  const nonce = sealed.subarray(0, nonceLength);
  try {
    const text = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
      null,
      sealed.subarray(nonceLength),
      associated,
      nonce,
      bytes,
    );
    return Buffer.from(text.buffer, text.byteOffset, text.length).toString();
  } catch {
    // The tag is wrong.
    return undefined;
  }
}

function deriveKey(secret: Uint8Array): CipherKey {
  const start = `${keyIdOf(secret, purpose)}.`;
  return {
    start,
    associated: Buffer.from(start),
    bytes: deriveBytes(secret, purpose, 'xchacha20poly1305', keyLength),
  };
}
