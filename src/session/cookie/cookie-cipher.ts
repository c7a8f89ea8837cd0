import { deriveBytes, keyIdOf } from '../../platform/crypto/purpose-cipher.js';
import { TextCipher, keyLength } from '../../platform/hot-path/text-cipher.js';

const purpose = 'session-cookie';

interface CipherKey {
  /** The key's id and a dot: the start of every cookie that is encrypted with it, and authenticated with it. */
  readonly start: string;
  readonly cipher: TextCipher;
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
    const { start, cipher } = this.#encrypting;
    return start + cipher.encrypt(text);
  }

  /** The number of characters that {@link encrypt} returns for a text. */
  encryptedLength(text: string): number {
    const { start, cipher } = this.#encrypting;
    return start.length + cipher.encryptedLength(text);
  }

  /** Decrypts what {@link encrypt} returned; undefined for anything else. Never throws. */
  decrypt(encrypted: string): string | undefined {
    const key = this.#keys.find(({ start }) => encrypted.startsWith(start));
    return key?.cipher.decrypt(encrypted.slice(key.start.length));
  }
}

function deriveKey(secret: Uint8Array): CipherKey {
  const start = `${keyIdOf(secret, purpose)}.`;
  const bytes = deriveBytes(secret, purpose, 'xchacha20poly1305', keyLength);
  return { start, cipher: new TextCipher(bytes, start) };
}
