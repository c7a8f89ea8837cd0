import {
  type KeyObject,
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  randomBytes,
} from 'node:crypto';
import { isSameText } from './secret-text.js';

const cipher = 'aes-256-gcm';
/** Bytes of the initialization vector and the authentication tag (RFC 7518 section 5.3). */
const vectorLength = 12;
const tagLength = 16;
const cipherOptions = { authTagLength: tagLength };

interface BoxKey {
  /** First segment of every JWE made with this key. It is compared as text, so no other header is ever parsed. */
  readonly header: string;
  /** The same as bytes: additional authenticated data (RFC 7516 section 5.1). */
  readonly associated: Uint8Array;
  readonly encryption: KeyObject;
  readonly mac: Uint8Array;
}

/**
 * Encrypts and authenticates small texts for one purpose (JWE compact, `dir`, A256GCM; RFC 7516).
 *
 * Keys are derived by HKDF-SHA256 from the deployment's secrets with the purpose as `info`. A text that was encrypted for one
 * purpose therefore can't be decrypted for another. The first secret encrypts, all decrypt: that is how secrets rotate.
 *
 * It uses node:crypto and not jose, whose WebCrypto goes through a thread for each operation.
 */
export class PurposeCipher {
  readonly #keys: readonly BoxKey[];
  readonly #sealing: BoxKey;

  /**
   * @param secrets each at least 32 random bytes; the first one encrypts.
   * @param purpose separates this cipher from all others.
   */
  constructor(secrets: readonly Uint8Array[], purpose: string) {
    this.#keys = secrets.map((secret) => deriveKey(secret, purpose));
    const [first] = this.#keys;
    if (first === undefined) {
      throw new RangeError('a cipher needs at least one secret');
    }
    this.#sealing = first;
  }

  /** Encrypts a text into a compact JWE. */
  encrypt(text: string): string {
    const { header, associated, encryption } = this.#sealing;
    const vector = randomBytes(vectorLength);
    const sealing = createCipheriv(cipher, encryption, vector, cipherOptions);
    sealing.setAAD(associated);
    const sealed = Buffer.concat([sealing.update(text, 'utf8'), sealing.final()]);
    const segments = [vector, sealed, sealing.getAuthTag()].map((bytes) => bytes.toString('base64url'));
    // `dir` has no encrypted key: its segment is empty.
    return [header, '', ...segments].join('.');
  }

  /** Decrypts a compact JWE; undefined for anything that this cipher didn't encrypt. Never throws. */
  decrypt(sealed: string): string | undefined {
    const [header, encryptedKey, vector, text, tag, ...surplus] = sealed.split('.', 6);
    const key = this.#keys.find((candidate) => candidate.header === header);
    if (key === undefined || encryptedKey !== '' || surplus.length > 0) {
      return undefined;
    }
    const [iv, bytes, authTag] = [decode(vector), decode(text), decode(tag)];
    if (iv?.length !== vectorLength || bytes === undefined || authTag?.length !== tagLength) {
      return undefined;
    }
    const opening = createDecipheriv(cipher, key.encryption, iv, cipherOptions);
    opening.setAAD(key.associated);
    opening.setAuthTag(authTag);
    const opened = opening.update(bytes);
    try {
      opening.final();
      return opened.toString('utf8');
    } catch {
      // The tag is checked only here: nothing may use the earlier output.
      return undefined;
    }
  }

  /** Whether this was encrypted with the first secret, so that it doesn't need the others. */
  isSealedByFirst(sealed: string): boolean {
    return sealed.startsWith(`${this.#sealing.header}.`);
  }

  /** Message authentication code of a text under the first secret: base64url, 43 characters. */
  sign(text: string): string {
    return createHmac('sha256', this.#sealing.mac).update(text).digest('base64url');
  }

  /** The codes of a text under each of the secrets; the first is that of {@link sign}. */
  signAll(text: string): readonly string[] {
    return this.#keys.map(({ mac }) => createHmac('sha256', mac).update(text).digest('base64url'));
  }

  /** Whether `code` is the result of {@link sign} for `text` under any of the secrets; in constant time. */
  verify(text: string, code: string): boolean {
    // Compared as text: each code has one spelling.
    return this.signAll(text).some((own) => isSameText(code, own));
  }
}

/**
 * A base64url segment's bytes; undefined unless the segment is their canonical encoding. Decoders ignore foreign characters and the
 * unused bits of the last one, so one encrypted text would otherwise have many spellings.
 */
function decode(segment: string | undefined): Buffer | undefined {
  const bytes = Buffer.from(segment ?? '', 'base64url');
  return bytes.toString('base64url') === segment ? bytes : undefined;
}

function deriveKey(secret: Uint8Array, purpose: string): BoxKey {
  const members = { alg: 'dir', enc: 'A256GCM', kid: keyIdOf(secret, purpose) };
  const header = Buffer.from(JSON.stringify(members)).toString('base64url');
  return {
    header,
    associated: Buffer.from(header, 'ascii'),
    encryption: createSecretKey(deriveBytes(secret, purpose, 'encryption', 32)),
    mac: deriveBytes(secret, purpose, 'mac', 32),
  };
}

/** Derives `length` bytes from a secret, for a part of one purpose (HKDF-SHA256). */
export function deriveBytes(secret: Uint8Array, purpose: string, part: string, length: number): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, new Uint8Array(), `vestibule/${purpose}/${part}`, length));
}

/** The id of the key that is derived from a secret for a purpose: 8 characters of base64url. */
export function keyIdOf(secret: Uint8Array, purpose: string): string {
  return Buffer.from(deriveBytes(secret, purpose, 'id', 6)).toString('base64url');
}

/** A stable credential derived from a secret, for a peer that must be given one (hex, 64 characters). */
export function deriveCredential(secret: Uint8Array, purpose: string): string {
  return Buffer.from(
    hkdfSync('sha256', secret, new Uint8Array(), `vestibule/credential/${purpose}`, 32),
  ).toString('hex');
}
