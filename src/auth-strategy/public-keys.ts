import { type JWK, importJWK } from 'jose';
import { z } from 'zod';

/** Algorithms by which an application may sign that it is itself (RFC 7523): asymmetric, with keys of at least 2,048 bits if RSA. */
export const assertionAlgorithms = ['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const;

/** A number in base64url. */
const number = (least: number, most: number) => z.string().regex(new RegExp(`^[\\w-]{${least},${most}}$`));
const common = {
  kid: z.string({ error: 'must have a kid, by which its signatures name it' }).min(1).max(200),
  use: z.literal('sig').optional(),
  alg: z.enum(assertionAlgorithms).optional(),
  // As the Web Cryptography API exports keys.
  key_ops: z.array(z.literal('verify')).max(1).optional(),
  ext: z.boolean().optional(),
};

/** Members of a key that only its owner may know (RFC 7518 section 6). */
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

/** What a key with other members is told; undefined: what is usual. */
function ofMembers(issue: { readonly code?: string; readonly keys?: unknown }): string | undefined {
  const isPrivate =
    issue.code === 'unrecognized_keys' &&
    Array.isArray(issue.keys) &&
    issue.keys.some((name) => privateMembers.includes(name));
  return isPrivate ? 'must be a public key: this one has its private half' : undefined;
}

const exampleKey = {
  kty: 'EC',
  crv: 'P-256',
  x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
  y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
  kid: '2026-12',
};

// 2,048 to 8,192 bits.
const rsa = { kty: z.literal('RSA'), n: number(342, 1366), e: number(4, 8) };
const ec = {
  kty: z.literal('EC'),
  crv: z.enum(['P-256', 'P-384', 'P-521']),
  x: number(43, 88),
  y: number(43, 88),
};
const okp = { kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: number(43, 43) };

/** A public key (RFC 7517). One with its private half is refused: it would be secret no longer. */
export const publicKeySchema = z.discriminatedUnion('kty', [
  z.strictObject({ ...rsa, ...common }, { error: ofMembers }),
  z.strictObject({ ...ec, ...common }, { error: ofMembers }),
  z.strictObject({ ...okp, ...common }, { error: ofMembers }),
]);

/** The numbers of a public key that comes with what it signed, without what else is stated about it. */
export const embeddedKeySchema = z
  .looseObject({})
  .refine((key) => privateMembers.every((name) => !(name in key)))
  .pipe(z.discriminatedUnion('kty', [z.object(rsa), z.object(ec), z.object(okp)]));

/** A set of public keys (RFC 7517 section 5), each with an id of its own. */
export const publicKeysSchema = z.object({
  keys: z
    .array(publicKeySchema, { error: 'must be a JWK Set: an object with a list of keys' })
    .min(1)
    .max(5)
    .refine((keys) => new Set(keys.map(({ kid }) => kid)).size === keys.length, {
      error: 'must have another kid for each key',
    })
    .meta({ example: [exampleKey] }),
});

export type PublicKeys = z.output<typeof publicKeysSchema>;

type PublicKey = PublicKeys['keys'][number];

/** A public key as jose has it. Without an algorithm it is for each that its kind can have. */
export function toJwk({ use, alg, key_ops: _operations, ext: _ext, ...numbers }: PublicKey): JWK {
  return { ...numbers, ...(use && { use }), ...(alg && { alg }) };
}

/** Requires that a key's numbers are those of a key. @throws if they aren't. */
export async function requireKey(key: PublicKey): Promise<void> {
  await importJWK(toJwk(key), key.alg ?? usualAlgorithm(key));
}

function usualAlgorithm(key: PublicKey): string {
  switch (key.kty) {
    case 'RSA':
      return 'RS256';
    case 'OKP':
      return 'EdDSA';
    case 'EC':
      return { 'P-256': 'ES256', 'P-384': 'ES384', 'P-521': 'ES512' }[key.crv];
  }
}
