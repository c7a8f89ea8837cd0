/** The texts of a feature's pages, as ICU messages by key. */
export interface FeatureTexts<Key extends string = string> {
  readonly en: Readonly<Record<Key, string>>;
  /** By language tag. What one of them lacks is English. */
  readonly translations: Readonly<Record<string, Readonly<Partial<Record<Key, string>>>>>;
}

/** Declares the texts of a feature, whose keys begin with its name. `useTexts` gives them to its pages. */
export function defineTexts<Key extends string>(
  en: Readonly<Record<Key, string>>,
  translations: Readonly<Record<string, Readonly<Partial<Record<NoInfer<Key>, string>>>>> = {},
): FeatureTexts<Key> {
  return { en, translations };
}

/** With what the keys of a feature's texts begin: `commandLine.` for `command-line`. */
export function textPrefixOf(feature: string): string {
  return `${feature.replace(/-([a-z0-9])/g, (_dash, letter: string) => letter.toUpperCase())}.`;
}
