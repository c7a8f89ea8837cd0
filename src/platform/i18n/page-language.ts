import IntlMessageFormat from 'intl-messageformat';
import type { FeatureTexts } from './feature-texts.js';
import type { TextKey } from './locales/en.js';

/** Values of a text's `{placeholders}`. */
export type TextValues = Readonly<Record<string, string | number>>;
/** Values of a text's placeholders, and functions that render its `<name>…</name>` elements, by name. */
export type RichValues<Element> = Readonly<
  Record<string, string | number | ((children: (string | Element)[]) => Element)>
>;

/** One text, and the language that it's written in. */
export interface Message {
  /** ICU message. */
  readonly text: string;
  /** BCP 47; determines plurals and number formats. */
  readonly tag: string;
}

/** The texts of one language as a feature sees them: core's and its own. */
export interface OwnTexts<Key extends string> {
  /** A formatted text. @throws when a value is missing, which is the caller's mistake. */
  text(key: Key | TextKey, values?: TextValues): string;
  /** A formatted text with elements in it. */
  rich<Element>(key: Key | TextKey, values: RichValues<Element>): string | Element | (string | Element)[];
}

/** The texts of one language. Messages are parsed at their first use. */
export class PageLanguage {
  /** BCP 47, the page's `lang`. */
  readonly tag: string;
  readonly #parsed = new Map<string, IntlMessageFormat>();
  readonly #dates: Intl.DateTimeFormat;

  /** @param messages by key; untranslated ones are in English. */
  constructor(
    tag: string,
    private readonly messages: ReadonlyMap<string, Message>,
  ) {
    this.tag = tag;
    this.#dates = new Intl.DateTimeFormat(tag === 'en' ? 'en-GB' : tag, {
      dateStyle: 'long',
      timeStyle: 'short',
      hourCycle: 'h23',
      timeZone: 'UTC',
    });
  }

  /** A formatted text. @throws when a value is missing, which is the caller's mistake. */
  readonly text = (key: TextKey, values?: TextValues): string => this.#text(key, values);

  /** A formatted text with elements in it. */
  readonly rich = <Element>(
    key: TextKey,
    values: RichValues<Element>,
  ): string | Element | (string | Element)[] => this.#rich(key, values);

  /** The same with the texts of a feature, which it declares in its manifest. */
  with<Key extends string>(_declared: FeatureTexts<Key>): OwnTexts<Key> {
    return {
      text: (key, values) => this.#text(key, values),
      rich: (key, values) => this.#rich(key, values),
    };
  }

  /** A formatted text; undefined if it doesn't exist or a value is missing. */
  readonly find = (key: string, values: TextValues = {}): string | undefined => {
    const text = this.findRich<never>(key, values);
    return text === undefined ? undefined : String(text);
  };

  /** As {@link find}, with elements in it. */
  readonly findRich = <Element>(
    key: string,
    values: RichValues<Element>,
  ): string | Element | (string | Element)[] | undefined => {
    try {
      return this.#format(key, values);
    } catch {
      return undefined;
    }
  };

  /** A date and time in words, to the minute, in UTC. */
  readonly moment = (time: Date): string => this.text('common.time', { date: this.#dates.format(time) });

  #text(key: string, values: TextValues = {}): string {
    return String(this.#format(key, values) ?? key);
  }

  #rich<Element>(key: string, values: RichValues<Element>): string | Element | (string | Element)[] {
    return this.#format(key, values) ?? key;
  }

  #format<Element>(
    key: string,
    values: RichValues<Element>,
  ): string | Element | (string | Element)[] | undefined {
    const text = this.messages.get(key)?.text ?? '';
    return this.#message(key)?.format<Element>(withoutSecondFullStop(text, values));
  }

  #message(key: string): IntlMessageFormat | undefined {
    const known = this.#parsed.get(key);
    const message = this.messages.get(key);
    if (known !== undefined || message === undefined) {
      return known;
    }
    const parsed = new IntlMessageFormat(message.text, message.tag);
    this.#parsed.set(key, parsed);
    return parsed;
  }
}

/** A placeholder at the end of a sentence. */
const lastOfSentence = /\{(\w+)\}\.(?=\s|$)/g;

/** The values of a message, of which one that ends with a full stop, such as `Acme Ltd.`, brings the sentence's along. */
function withoutSecondFullStop<Element>(message: string, values: RichValues<Element>): RichValues<Element> {
  const shortened = [...message.matchAll(lastOfSentence)].flatMap(([, name = '']) => {
    const value = values[name];
    return typeof value === 'string' && value.endsWith('.') ? [[name, value.slice(0, -1)]] : [];
  });
  return shortened.length === 0 ? values : { ...values, ...Object.fromEntries(shortened) };
}
