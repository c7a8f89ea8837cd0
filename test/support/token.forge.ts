import { type CryptoKey, SignJWT } from 'jose';

/** Header or claims as a forger writes them. */
export type Parts = Readonly<Record<string, unknown>>;

/** base64url of a text, or of a value's JSON. */
export function encode(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
}

/** A compact JWS of exactly these bytes: what jose's own signer would refuse to write. */
export async function signRaw(
  key: CryptoKey,
  header: unknown,
  payload: unknown,
  hash = 'SHA-256',
): Promise<string> {
  const input = `${encode(header)}.${encode(payload)}`;
  return `${input}.${await sign(key, input, hash)}`;
}

/** The signature of a text, in base64url. */
export async function sign(key: CryptoKey, input: string, hash = 'SHA-256'): Promise<string> {
  const algorithm = key.algorithm.name === 'ECDSA' ? { name: 'ECDSA', hash } : { name: key.algorithm.name };
  const signature = await crypto.subtle.sign(algorithm, key, Buffer.from(input));
  return Buffer.from(signature).toString('base64url');
}

/** A compact JWS with an HMAC, for confusing a verifier that holds a public key. */
export async function signHmac(secret: Uint8Array, header: Parts, payload: Parts): Promise<string> {
  return new SignJWT({ ...payload }).setProtectedHeader({ ...header, alg: 'HS256' }).sign(secret);
}

/** The other signature that ECDSA over P-256 takes for the same message: (r, n − s). */
export function malleate(token: string): string {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const [header = '', payload = '', signature = ''] = token.split('.');
  const bytes = Buffer.from(signature, 'base64url');
  const s = BigInt(`0x${bytes.subarray(32).toString('hex')}`);
  const other = (order - s).toString(16).padStart(64, '0');
  const forged = Buffer.concat([bytes.subarray(0, 32), Buffer.from(other, 'hex')]);
  return `${header}.${payload}.${forged.toString('base64url')}`;
}
