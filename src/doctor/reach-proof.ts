import { createHmac, timingSafeEqual } from 'node:crypto';
import { deriveCredential } from '../platform/crypto/purpose-cipher.js';

/** Request header that carries the doctor's proof to the gateway. */
export const proofHeader = 'x-vestibule-doctor';

/** How many milliseconds a proof's timestamp may differ from now, in either direction. */
const life = 600_000;
const form = /^(\d{13})\.([\da-f]{64})$/;

/** Makes a proof of knowing the deployment's secret, without revealing it. @param now milliseconds since the epoch. */
export function makeProof(secret: Uint8Array, now: number): string {
  return `${now}.${sign(secret, String(now))}`;
}

/** Whether a text is a proof made with one of the secrets within ten minutes of now. @param now milliseconds since the epoch. */
export function isProof(text: unknown, secrets: readonly Uint8Array[], now: number): boolean {
  const [, moment, signature] = (typeof text === 'string' ? form.exec(text) : null) ?? [];
  if (moment === undefined || signature === undefined || Math.abs(now - Number(moment)) > life) {
    return false;
  }
  return secrets.some((secret) => timingSafeEqual(Buffer.from(sign(secret, moment)), Buffer.from(signature)));
}

function sign(secret: Uint8Array, moment: string): string {
  return createHmac('sha256', deriveCredential(secret, 'doctor')).update(moment).digest('hex');
}
