import { type GenerateKeyPairResult, generateKeyPair } from 'jose';

/** More keys than are in use in one process at once. */
const poolSize = 8;
const pool: Promise<GenerateKeyPairResult>[] = [];
let taken = 0;
let foreign: Promise<GenerateKeyPairResult> | undefined;

/** An RSA key pair of this process that none of the last seven callers got: making one takes a tenth of a second of a core. */
export function takeRsaKeys(): Promise<GenerateKeyPairResult> {
  taken += 1;
  return (pool[taken % poolSize] ??= makeRsaKeys());
}

/** An RSA key pair that `takeRsaKeys` never gives, for forgeries. */
export function foreignRsaKeys(): Promise<GenerateKeyPairResult> {
  return (foreign ??= makeRsaKeys());
}

/** An RSA key pair that was never given before: for a provider that keeps its former ones. */
export function makeRsaKeys(): Promise<GenerateKeyPairResult> {
  return generateKeyPair('RS256', { extractable: true });
}
