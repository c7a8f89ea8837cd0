import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Inject, Injectable } from '@nestjs/common';
import Negotiator from 'negotiator';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import type { Feature } from '../features/feature.js';
import { LocaleFileError, originals, readLocale, readTexts } from './locale-file.js';
import { english } from './locales/en.js';
import { type Message, PageLanguage } from './page-language.js';

/** Languages of a list that are looked at: nobody reads more, and anyone can send a long list. */
const longestList = 16;

const builtIn = fileURLToPath(new URL('locales/', import.meta.url));

/** What languages are made from. */
type LanguageSettings = Pick<Configuration, 'LOCALES_DIR' | 'DEFAULT_LANGUAGE'> &
  Partial<Pick<Configuration, 'features' | 'otherFeatures'>>;

/** All languages of pages and mails: our own, with those of features, and those in `LOCALES_DIR`, whose texts take precedence. */
@Injectable()
export class LanguageCatalogue {
  readonly #languages: ReadonlyMap<string, PageLanguage>;
  /** The language of `DEFAULT_LANGUAGE`. */
  readonly standard: PageLanguage;
  /** English, for texts that are never translated, such as the API docs. */
  readonly english: PageLanguage;

  /** Reads all languages. @throws {LocaleFileError} when a file is invalid, or there is none for `DEFAULT_LANGUAGE`. */
  constructor(
    @Inject(CONFIGURATION)
    { LOCALES_DIR, DEFAULT_LANGUAGE, features = [], otherFeatures = [] }: LanguageSettings,
  ) {
    const texts = new Map([['en', new Map<string, string>(Object.entries(english))]]);
    addFolder(builtIn, texts, readTexts);
    for (const { feature } of features) {
      const { en = {}, translations = {} } = feature.texts ?? {};
      for (const [tag, own] of Object.entries({ ...translations, en })) {
        add(texts, tag, definedIn(own));
      }
      for (const { type, words } of Object.values(feature.auditEvents)) {
        for (const [tag, text] of Object.entries(words)) {
          add(texts, tag, [[keyOfEvent(type), text]]);
        }
      }
      for (const { code, titles = {} } of Object.values(feature.problems)) {
        for (const [tag, title] of Object.entries(titles)) {
          add(texts, tag, [[`problem.${code}.title`, title]]);
        }
      }
    }
    if (LOCALES_DIR !== undefined) {
      const all = [...features.map(({ feature }) => feature), ...otherFeatures];
      const known = new Map([...originals, ...all.flatMap(originalsOf)]);
      addFolder(LOCALES_DIR, texts, (path) => readLocale(path, known));
    }
    this.#languages = new Map([...texts.keys()].map((tag) => [tag, languageOf(tag, texts)]));
    const standard = this.#languages.get(DEFAULT_LANGUAGE);
    if (standard === undefined) {
      throw new LocaleFileError(`DEFAULT_LANGUAGE: there are no texts for ${DEFAULT_LANGUAGE}`);
    }
    this.standard = standard;
    this.english = languageOf('en', texts);
  }

  /** BCP 47 tags of all languages, in order. */
  get tags(): readonly string[] {
    return [...this.#languages.keys()];
  }

  /** The language for an `Accept-Language` header (RFC 9110 section 12.5.4). */
  of(accepted: string | undefined): PageLanguage {
    const headers = { 'accept-language': accepted };
    // For `*`, or without a header, the first one is chosen: it's the operator's choice.
    const available = [this.standard.tag, ...this.tags.filter((tag) => tag !== this.standard.tag)];
    const tag = new Negotiator({ headers }).language(available);
    return (tag === undefined ? undefined : this.#languages.get(tag)) ?? this.standard;
  }

  /**
   * The first language of a list that there are texts for (RFC 4647 section 3.4), such as `de` for `fr-CA de-AT`.
   * @param locales BCP 47 tags in order of preference, as an application sent them; anything else in it is ignored.
   * @returns undefined if there is none: the browser decides.
   */
  preferred(locales: readonly string[]): PageLanguage | undefined {
    const ranges = locales.slice(0, longestList).flatMap(canonicalRanges);
    const tag = ranges.find((range) => this.#languages.has(range));
    return tag === undefined ? undefined : this.#languages.get(tag);
  }
}

const keyOfEvent = (type: string): string => `admin.audit.type.${type}`;

/** The English texts of a feature, by key. */
function originalsOf({ texts, auditEvents }: Feature): [string, string][] {
  const words = Object.values(auditEvents).map(({ type, words: { en } }): [string, string] => [
    keyOfEvent(type),
    en,
  ]);
  return [...Object.entries(texts?.en ?? {}), ...words];
}

function addFolder(
  folder: string,
  texts: Map<string, Map<string, string>>,
  read: (path: string) => ReadonlyMap<string, string>,
): void {
  for (const file of filesOf(folder)) {
    const tag = file.slice(0, -'.json'.length);
    if (!isTag(tag)) {
      throw new LocaleFileError(`${join(folder, file)} is not named by a language tag, such as fr.json`);
    }
    add(texts, tag, read(join(folder, file)));
  }
}

function add(
  texts: Map<string, Map<string, string>>,
  tag: string,
  own: Iterable<readonly [string, string]>,
): void {
  texts.set(tag, new Map([...(texts.get(tag) ?? []), ...own]));
}

/** The texts of an object that has some. */
function definedIn(own: Readonly<Record<string, string | undefined>>): (readonly [string, string])[] {
  return Object.entries(own).flatMap(([key, text]) => (text === undefined ? [] : [[key, text] as const]));
}

function filesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .toSorted();
  } catch (cause) {
    throw new LocaleFileError(`LOCALES_DIR: the folder can't be read`, { cause });
  }
}

/** A tag, and the more general ones after it: `de-CH-1996`, `de-CH`, `de`. None for what isn't a tag. */
function canonicalRanges(locale: string): readonly string[] {
  try {
    const parts = Intl.getCanonicalLocales(locale)[0]?.split('-') ?? [];
    return parts.map((_part, index) => parts.slice(0, parts.length - index).join('-'));
  } catch {
    return [];
  }
}

function isTag(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag)[0] === tag;
  } catch {
    return false;
  }
}

/** The texts of a language: for `de-AT`, its own, otherwise those of `de`, otherwise English. */
function languageOf(tag: string, texts: ReadonlyMap<string, ReadonlyMap<string, string>>): PageLanguage {
  const messages = new Map<string, Message>();
  const [base = tag] = tag.split('-');
  for (const source of new Set(['en', base, tag])) {
    for (const [key, text] of texts.get(source) ?? []) {
      messages.set(key, { text, tag: source });
    }
  }
  return new PageLanguage(tag, messages);
}
