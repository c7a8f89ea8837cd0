import type { z } from 'zod';
import { passwordOf } from '../config/production.check.js';
import { variableDocs } from '../config/variable.js';

/** A secret text in the settings of a feature. */
export interface FeatureSecret {
  /** Name of the variable. */
  readonly name: string;
  readonly text: string;
  /** `value`: a whole value, or an entry of a list; `password`: for a server, in a URL or a map; `part`: anything else of the value. */
  readonly kind: 'value' | 'password' | 'part';
}

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
    .filter(([, schema]) => variableDocs.get(schema)?.secret === true)
    .flatMap(([name]) => {
      const found = textsIn(parsed[name]).map((text): FeatureSecret => ({ name, ...text }));
      const whole = given[name] ?? '';
      return whole === '' || found.some(({ text }) => text === whole)
        ? found
        : [...found, { name, text: whole, kind: 'part' }];
    });
}

function textsIn(value: unknown, level = 0): readonly Omit<FeatureSecret, 'name'>[] {
  if (typeof value === 'string' || value instanceof URL) {
    const text = String(value);
    const password = passwordOf(text);
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
    return value.flatMap((entry) => textsIn(entry, level + 1));
  }
  const members = value instanceof Map || value instanceof Set ? [...value.values()] : Object.values(value);
  const inside = value instanceof Map ? 'password' : 'part';
  return members.flatMap((member) =>
    textsIn(member, level + 1).map(({ text, kind }) => ({ text, kind: kind === 'value' ? inside : kind })),
  );
}
