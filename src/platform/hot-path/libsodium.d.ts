/** What is used of libsodium (ISC), compiled to WebAssembly: functions of C on addresses in a memory of its own. */
declare module 'libsodium' {
  interface Sodium {
    /** The whole memory. */
    readonly HEAPU8: Uint8Array<ArrayBuffer>;
    /** @returns an address. */
    _malloc(bytes: number): number;
    /** Lengths of 64 bits come in two halves, the lower one first; addresses that aren't needed are 0. */
    _crypto_aead_xchacha20poly1305_ietf_encrypt(
      encrypted: number,
      encryptedLength: 0,
      text: number,
      textLength: number,
      textLengthHigh: 0,
      associated: number,
      associatedLength: number,
      associatedLengthHigh: 0,
      secretNonce: 0,
      nonce: number,
      key: number,
    ): number;
    /** @returns 0, or −1 if the tag is wrong. */
    _crypto_aead_xchacha20poly1305_ietf_decrypt(
      text: number,
      textLength: 0,
      secretNonce: 0,
      encrypted: number,
      encryptedLength: number,
      encryptedLengthHigh: 0,
      associated: number,
      associatedLength: number,
      associatedLengthHigh: 0,
      nonce: number,
      key: number,
    ): number;
  }

  /** A library with a memory of its own. */
  export default function createSodium(): Promise<Sodium>;
}
