import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { toAsciiDomain } from '../core/ascii-domain.js';
import { isHostName } from '../core/host-name.js';

/** Reports what is wrong with an entry: its text never has a value. @param field the setting that it is about. */
export type Complain = (problem: string, field?: string) => void;

/** A short text. */
export const text = z.string().trim().min(1).max(500);

/** The fields that connections of every kind have. */
export const commonFields = {
  id: z.string().regex(/^[a-z][a-z\d-]{0,30}$/),
  name: z.string().trim().min(1).max(80),
  domains: z.array(z.string().max(253)).max(100).default([]),
};

/** Domains of an entry, in lower case and ASCII. */
export function domainsOf(
  { domains: given }: { readonly domains: readonly string[] },
  complain: (problem: string) => void,
): readonly string[] {
  const domains = given.map((domain) => toAsciiDomain(domain.trim().toLowerCase()) ?? '');
  if (!domains.every((domain) => isHostName(domain) && domain.includes('.'))) {
    complain('must have domains that are domain names, such as example.org');
  }
  return domains;
}

/** A function that reads the file that a setting of an entry names; undefined if it names none that can be read. */
export function fileReader<T extends object>(
  entry: T,
  complain: (problem: string) => void,
): (name: keyof T & string) => string | undefined {
  return (name) => {
    const file = entry[name];
    const content = typeof file === 'string' ? contentOf(file) : undefined;
    if (file !== undefined && (content === undefined || content === '')) {
      complain(`has a ${name} that cannot be read, or is empty`);
    }
    return content;
  };
}

/** Text of a file; undefined if it can't be read. */
function contentOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
