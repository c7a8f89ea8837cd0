import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Inject, Injectable } from '@nestjs/common';
import Negotiator from 'negotiator';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { LocaleFileError, readLocale, readTexts } from './locale.file.js';
import { english } from './locales/en.js';
import { type Message, PageLanguage } from './page.language.js';

const builtIn = fileURLToPath(new URL('locales/', import.meta.url));

/** Every language that pages and mails are written in: our own, and those of `LOCALES_DIR`, whose texts win. */
@Injectable()
export class LanguageCatalogue {
  readonly #languages: ReadonlyMap<string, PageLanguage>;
  /** `DEFAULT_LANGUAGE`. */
  readonly standard: PageLanguage;
  /** English: what isn't translated at all, such as the API docs. */
  readonly english: PageLanguage;

  /** @throws {LocaleFileError} when a file can't be used, or `DEFAULT_LANGUAGE` has none. */
  constructor(
    @Inject(CONFIGURATION)
    { LOCALES_DIR, DEFAULT_LANGUAGE }: Pick<Configuration, 'LOCALES_DIR' | 'DEFAULT_LANGUAGE'>,
  ) {
    const texts = new Map([['en', new Map<string, string>(Object.entries(english))]]);
    addFolder(builtIn, texts, readTexts);
    if (LOCALES_DIR !== undefined) {
      addFolder(LOCALES_DIR, texts, readLocale);
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
    // A star, or no header, is no wish: the operator's choice then, so it stands first.
    const available = [this.standard.tag, ...this.tags.filter((tag) => tag !== this.standard.tag)];
    const tag = new Negotiator({ headers }).language(available);
    return (tag === undefined ? undefined : this.#languages.get(tag)) ?? this.standard;
  }
}

function addFolder(folder: string, texts: Map<string, Map<string, string>>, read: typeof readLocale): void {
  for (const file of filesOf(folder)) {
    const tag = file.slice(0, -'.json'.length);
    if (!isTag(tag)) {
      throw new LocaleFileError(`${join(folder, file)} is not named by a language tag, such as fr.json`);
    }
    texts.set(tag, new Map([...(texts.get(tag) ?? []), ...read(join(folder, file))]));
  }
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

function isTag(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag)[0] === tag;
  } catch {
    return false;
  }
}

/** `de-AT` has what it says itself, else what `de` says, else English. */
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
