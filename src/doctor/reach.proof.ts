import { createHmac, timingSafeEqual } from 'node:crypto';
import { deriveCredential } from '../core/secret.box.js';

/** Header of the doctor's question to the gateway. */
export const proofHeader = 'x-vestibule-doctor';

/** Milliseconds by which a proof may be old, or its maker's clock be ahead. */
const life = 600_000;
const form = /^(\d{13})\.([\da-f]{64})$/;

/** Proves, without showing it, that its maker knows the deployment's secret. @param now milliseconds since the epoch. */
export function makeProof(secret: Uint8Array, now: number): string {
  return `${now}.${sign(secret, String(now))}`;
}

/** Whether somebody who knows one of the secrets made this within the last minutes. */
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
