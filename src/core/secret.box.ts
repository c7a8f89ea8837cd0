import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { CompactEncrypt, base64url, compactDecrypt } from 'jose';

/**
 * `..` and three base64url segments in the one encoding that decodes to their bytes: decoders overlook the unused bits
 * of a last character, and one sealed text would have many spellings.
 */
const sealedForm = (() => {
  const segment = '(?:[\\w-]{4})*(?:[\\w-][AQgw]|[\\w-]{2}[AEIMQUYcgkosw048])?';
  return new RegExp(`^\\.\\.${segment}\\.${segment}\\.${segment}$`);
})();
const encoder = new TextEncoder();
const decoder = new TextDecoder();

interface BoxKey {
  /** First segment of every JWE made with this key: compared as bytes, so no other header is ever parsed. */
  readonly header: string;
  readonly protectedHeader: { readonly alg: 'dir'; readonly enc: 'A256GCM'; readonly kid: string };
  readonly encryption: Uint8Array;
  readonly mac: Uint8Array;
}

/**
 * Encrypts and authenticates small texts for one purpose (JWE compact, `dir`, A256GCM; RFC 7516).
 *
 * Keys are derived by HKDF-SHA256 from the deployment's secrets with the purpose as `info`, so what was sealed for
 * one purpose can't be opened for another. The first secret seals, all open: that is how secrets rotate.
 */
export class SecretBox {
  readonly #keys: readonly BoxKey[];
  readonly #sealing: BoxKey;

  /**
   * @param secrets each at least 32 random bytes; the first one seals.
   * @param purpose separates this box from all others.
   */
  constructor(secrets: readonly Uint8Array[], purpose: string) {
    this.#keys = secrets.map((secret) => deriveKey(secret, purpose));
    const [first] = this.#keys;
    if (first === undefined) {
      throw new RangeError('a box needs at least one secret');
    }
    this.#sealing = first;
  }

  /** Text → compact JWE. */
  async seal(text: string): Promise<string> {
    return new CompactEncrypt(encoder.encode(text))
      .setProtectedHeader(this.#sealing.protectedHeader)
      .encrypt(this.#sealing.encryption);
  }

  /** Compact JWE → text, or undefined for anything that this box didn't seal. Never throws. */
  async open(sealed: string): Promise<string | undefined> {
    const header = sealed.slice(0, Math.max(0, sealed.indexOf('.')));
    const key = this.#keys.find((candidate) => candidate.header === header);
    if (key === undefined || !sealedForm.test(sealed.slice(header.length))) {
      return undefined;
    }
    try {
      const { plaintext } = await compactDecrypt(sealed, key.encryption, {
        keyManagementAlgorithms: ['dir'],
        contentEncryptionAlgorithms: ['A256GCM'],
      });
      return decoder.decode(plaintext);
    } catch {
      return undefined;
    }
  }

  /** Whether the first secret sealed this, so that the others aren't needed for it. */
  isSealedByFirst(sealed: string): boolean {
    return sealed.startsWith(`${this.#sealing.header}.`);
  }

  /** Message authentication code of a text under the first secret: base64url, 43 characters. */
  sign(text: string): string {
    return createHmac('sha256', this.#sealing.mac).update(text).digest('base64url');
  }

  /** Whether `code` is what {@link sign} made of `text` under any of the secrets; in constant time. */
  verify(text: string, code: string): boolean {
    // Compared as text: each code has one spelling.
    const given = Buffer.from(code);
    return this.#keys.some((key) => {
      const expected = Buffer.from(createHmac('sha256', key.mac).update(text).digest('base64url'));
      return given.length === expected.length && timingSafeEqual(given, expected);
    });
  }
}

function deriveKey(secret: Uint8Array, purpose: string): BoxKey {
  const derive = (part: string, length: number): Uint8Array =>
    new Uint8Array(hkdfSync('sha256', secret, new Uint8Array(), `vestibule/${purpose}/${part}`, length));
  const kid = base64url.encode(derive('id', 6));
  const protectedHeader = { alg: 'dir', enc: 'A256GCM', kid } as const;
  return {
    header: base64url.encode(JSON.stringify(protectedHeader)),
    protectedHeader,
    encryption: derive('encryption', 32),
    mac: derive('mac', 32),
  };
}

/** A stable credential derived from a secret, for a peer that must be given one (hex, 64 characters). */
export function deriveCredential(secret: Uint8Array, purpose: string): string {
  return Buffer.from(
    hkdfSync('sha256', secret, new Uint8Array(), `vestibule/credential/${purpose}`, 32),
  ).toString('hex');
}
