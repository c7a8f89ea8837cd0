import IntlMessageFormat from 'intl-messageformat';
import type { TextKey } from './locales/en.js';

/** Values of a text's `{placeholders}`. */
export type TextValues = Readonly<Record<string, string | number>>;
/** What `<name>…</name>` in a text becomes, by name, beside values of placeholders. */
export type RichValues<Element> = Readonly<
  Record<string, string | number | ((children: (string | Element)[]) => Element)>
>;

/** One text, and the language that it's written in. */
export interface Message {
  /** ICU message. */
  readonly text: string;
  /** BCP 47: decides about plurals and numbers. */
  readonly tag: string;
}

/** The texts of one language. Messages are parsed at their first use. */
export class PageLanguage {
  /** BCP 47, the page's `lang`. */
  readonly tag: string;
  readonly #messages: ReadonlyMap<string, Message>;
  readonly #parsed = new Map<string, IntlMessageFormat>();
  readonly #dates: Intl.DateTimeFormat;

  /** @param messages by key; what isn't translated is there in English. */
  constructor(tag: string, messages: ReadonlyMap<string, Message>) {
    this.tag = tag;
    this.#messages = messages;
    this.#dates = new Intl.DateTimeFormat(tag === 'en' ? 'en-GB' : tag, {
      dateStyle: 'long',
      timeStyle: 'short',
      hourCycle: 'h23',
      timeZone: 'UTC',
    });
  }

  /** A text. @throws when a value is missing, which is a mistake of the caller. */
  readonly text = (key: TextKey, values: TextValues = {}): string =>
    String(this.#message(key)?.format(values) ?? key);

  /** A text with elements in it. */
  readonly rich = <Element>(
    key: TextKey,
    values: RichValues<Element>,
  ): string | Element | (string | Element)[] => this.#message(key)?.format<Element>(values) ?? key;

  /** A text that may not exist, or may need a value that isn't there: undefined then. */
  readonly find = (key: string, values: TextValues = {}): string | undefined => {
    try {
      const text = this.#message(key)?.format(values);
      return text === undefined ? undefined : String(text);
    } catch {
      return undefined;
    }
  };

  /** As {@link find}, with elements in it. */
  readonly findRich = <Element>(
    key: string,
    values: RichValues<Element>,
  ): string | Element | (string | Element)[] | undefined => {
    try {
      return this.#message(key)?.format<Element>(values);
    } catch {
      return undefined;
    }
  };

  /** A moment in words, to the minute. */
  readonly moment = (time: Date): string => this.text('common.time', { date: this.#dates.format(time) });

  #message(key: string): IntlMessageFormat | undefined {
    const known = this.#parsed.get(key);
    const message = this.#messages.get(key);
    if (known !== undefined || message === undefined) {
      return known;
    }
    const parsed = new IntlMessageFormat(message.text, message.tag);
    this.#parsed.set(key, parsed);
    return parsed;
  }
}
