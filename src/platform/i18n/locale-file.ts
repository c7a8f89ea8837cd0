import { readFileSync } from 'node:fs';
import IntlMessageFormat from 'intl-messageformat';
import { z } from 'zod';
import { StartError } from '../errors/start-errors.js';
import { english } from './locales/en.js';

const fileSchema = z.record(z.string(), z.string());

/** Keys without an English entry: their English is that of Kratos, the identity schema or the catalogue of problems. */
const openKey = /^(?:kratos\.(?:[a-z_]+\.)*\d+|problem\.[\w:-]+\.(?:title|advice)|title\..+)$/;

/** Texts of 0.2.0 that are gone. While two versions run, both read one file. */
const gone: ReadonlySet<string> = new Set(['orgs.error.eitherTaken']);
/** With what keys of 0.2.0 began whose texts are features' now. Others begin as they did. */
const renamed = [
  [/^cli\./, 'commandLine.'],
  [/^admin\./, 'userAdministration.'],
] as const;

/** Our English texts by key: whatever an operator's file changes must be among them. */
export const originals: ReadonlyMap<string, string> = new Map(Object.entries(english));

/** Thrown when a file can't be used as a language. */
export class LocaleFileError extends StartError {
  override readonly name = 'LocaleFileError';
}

/**
 * Reads an operator's `<tag>.json`: texts by key.
 * @param known the English texts that there are. Default: those of core.
 * @throws {LocaleFileError} naming the file and the key, so that a text that couldn't be shown is found at the start.
 */
export function readLocale(path: string, known = originals): ReadonlyMap<string, string> {
  const texts = new Map(
    [...readTexts(path)]
      .filter(([key]) => !gone.has(key))
      .map(([key, text]) => [currentKey(key, known), text]),
  );
  for (const [key, text] of texts) {
    const original = known.get(key);
    if (original === undefined && !openKey.test(key)) {
      throw new LocaleFileError(`${path}: there is no text "${key}"`);
    }
    const names = namesIn(text, `${path}: "${key}"`);
    const allowed = original === undefined ? undefined : namesIn(original, key);
    const strange = allowed === undefined ? undefined : [...names].find((name) => !allowed.has(name));
    if (strange !== undefined) {
      throw new LocaleFileError(`${path}: "${key}" uses {${strange}}, which this text doesn't get`);
    }
  }
  return texts;
}

/** The key of a text now, which it may have had another name for in 0.2.0. */
function currentKey(key: string, known: ReadonlyMap<string, string>): string {
  return renamed.map(([old, now]) => key.replace(old, now)).find((name) => known.has(name)) ?? key;
}

/** Reads a file, without a check of its keys and placeholders: a test checks ours. @throws {LocaleFileError} */
export function readTexts(path: string): ReadonlyMap<string, string> {
  try {
    return new Map(Object.entries(fileSchema.parse(JSON.parse(readFileSync(path, 'utf8')))));
  } catch (cause) {
    throw new LocaleFileError(`${path} is not a JSON object of texts by key`, { cause });
  }
}

type Parts = ReturnType<IntlMessageFormat['getAst']>;

/** Names of the placeholders and elements of a message. */
function namesIn(text: string, where: string): ReadonlySet<string> {
  try {
    return new Set(collect(new IntlMessageFormat(text, 'en').getAst()));
  } catch (cause) {
    throw new LocaleFileError(`${where} is not an ICU message`, { cause });
  }
}

function collect(parts: Parts): readonly string[] {
  return parts.flatMap((part) => [
    // Literals (0) and the number sign of a plural (7) have no name.
    ...(part.type !== 0 && part.type !== 7 ? [part.value] : []),
    ...('options' in part ? Object.values(part.options).flatMap(({ value }) => collect(value)) : []),
    ...('children' in part ? collect(part.children) : []),
  ]);
}
