import { distance } from 'fastest-levenshtein';

/** A variable of the environment that is no setting, but is spelled almost like one. */
export interface Misspelling {
  readonly name: string;
  /** The setting that it resembles. */
  readonly nearest: string;
}

/** Shorter names, such as PORT, resemble too much that means something else. */
const shortest = 5;

const plain = (name: string): string => name.replaceAll('_', '').toUpperCase();

/** Changes of a character by which a misspelling may differ. */
const tolerance = (length: number): number => (length >= 10 ? 2 : 1);

/** Changes of a character that make one text of the other; two neighbours that are swapped count as one. */
function changesBetween(one: string, other: string): number {
  const changes = distance(one, other);
  // A swap saves one change: it makes no difference to what is equal, or is too far away.
  if (changes < 2 || changes > 3) {
    return changes;
  }
  const letters = [...other];
  const swapped = letters
    .slice(1)
    .map((next, index) => letters.toSpliced(index, 2, next, letters[index] ?? '').join(''));
  return Math.min(changes, ...swapped.map((text) => 1 + distance(one, text)));
}

/**
 * The variables that are probably meant to be settings: a setting that is ignored silently may leave a door open.
 * @param given names of the variables that are set. @param settings names of all settings.
 */
export function misspelledSettings(
  given: readonly string[],
  settings: readonly string[],
): readonly Misspelling[] {
  const known = new Set(settings.flatMap((name) => [name, `${name}_FILE`]));
  const spelled = settings.map((name) => ({ name, letters: plain(name) }));
  return given
    .filter((name) => !known.has(name))
    .flatMap((name) => {
      const letters = plain(name.replace(/_FILE$/, ''));
      const [best] = spelled
        .map((setting) => ({ nearest: setting.name, far: changesBetween(setting.letters, letters) }))
        .filter(
          ({ nearest, far }) => far === 0 || (nearest.length >= shortest && far <= tolerance(nearest.length)),
        )
        .toSorted((one, other) => one.far - other.far);
      return best === undefined ? [] : [{ name, nearest: best.nearest }];
    });
}
