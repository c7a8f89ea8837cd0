import type { z } from 'zod';
import { passwordOf } from '../config/production.check.js';
import { variableDocs } from '../config/variable.js';

/** A secret text in the settings of a feature. */
export interface FeatureSecret {
  /** Name of the variable. */
  readonly name: string;
  readonly text: string;
  /** `value`: a whole value, or an entry of a list; `password`: of a server, in a URL, or in a header; `part`: anything else of the value. */
  readonly kind: 'value' | 'password' | 'part';
}

/** How a header names what kind of secret it has (RFC 9110 section 11.4). */
const scheme = /^(?:Basic|Bearer|Token) +/i;
/** Levels of a value in which texts are looked for: parsers make no deeper ones, and a circle has no end. */
const deepest = 8;

/**
 * The secrets among settings: everything in the variables that are declared `secret`.
 * @param given unparsed values by name. @param parsed the same, as their schemas made them.
 */
export function secretsAmong(
  { shape }: z.ZodObject,
  given: Readonly<Record<string, string>>,
  parsed: Readonly<Record<string, unknown>>,
): readonly FeatureSecret[] {
  return Object.entries(shape)
    .filter(([, schema]) => (variableDocs.get(schema)?.secret ?? false) !== false)
    .flatMap(([name, schema]) => {
      const found = textsIn(parsed[name], variableDocs.get(schema)?.secret === 'headers').map(
        (text): FeatureSecret => ({ name, ...text }),
      );
      const whole = given[name] ?? '';
      return whole === '' || found.some(({ text }) => text === whole)
        ? found
        : [...found, { name, text: whole, kind: 'part' }];
    });
}

function textsIn(value: unknown, areHeaders: boolean, level = 0): readonly Omit<FeatureSecret, 'name'>[] {
  if (typeof value === 'string' || value instanceof URL) {
    const text = String(value);
    const password = areHeaders ? text.replace(scheme, '') : passwordOf(text);
    return password === ''
      ? [{ text, kind: 'value' }]
      : [
          { text: password, kind: 'password' },
          { text, kind: 'part' },
        ];
  }
  if (value instanceof Uint8Array) {
    const bytes = Buffer.from(value);
    return (['hex', 'base64', 'base64url'] as const).map((encoding) => ({
      text: bytes.toString(encoding),
      kind: 'part',
    }));
  }
  if (typeof value !== 'object' || value === null || level === deepest) {
    return [];
  }
  if (Array.isArray(value)) {
    return value.flatMap((entry) => textsIn(entry, areHeaders, level + 1));
  }
  const members = value instanceof Map || value instanceof Set ? [...value.values()] : Object.values(value);
  return members.flatMap((member) =>
    textsIn(member, areHeaders, level + 1).map(({ text, kind }) => ({
      text,
      kind: kind === 'value' ? 'part' : kind,
    })),
  );
}
