/** Letters and digits that look like another one, as far as they are usual in deceptive names. */
const lookAlikes: Readonly<Record<string, string>> = {
  0: 'o',
  1: 'l',
  i: 'l',
  '|': 'l',
  '!': 'l',
  '¡': 'l',
  $: 's',
  '@': 'a',
  '€': 'e',
  '℮': 'e',
  3: 'e',
  5: 's',
  ı: 'l',
  ɪ: 'l',
  ɑ: 'a',
  ɡ: 'g',
  ł: 'l',
  ø: 'o',
  đ: 'd',
  ħ: 'h',
  ŧ: 't',
  ᴀ: 'a',
  ʙ: 'b',
  ᴄ: 'c',
  ᴅ: 'd',
  ᴇ: 'e',
  ꜰ: 'f',
  ɢ: 'g',
  ʜ: 'h',
  ᴊ: 'j',
  ᴋ: 'k',
  ʟ: 'l',
  ᴍ: 'm',
  ɴ: 'n',
  ᴏ: 'o',
  ᴘ: 'p',
  ꞯ: 'q',
  ʀ: 'r',
  ꜱ: 's',
  ᴛ: 't',
  ᴜ: 'u',
  ᴠ: 'v',
  ᴡ: 'w',
  ʏ: 'y',
  ᴢ: 'z',
  ь: 'b',
  ǀ: 'l',
  ꞵ: 'b',
  а: 'a',
  в: 'b',
  с: 'c',
  е: 'e',
  ѕ: 's',
  ԁ: 'd',
  ԛ: 'q',
  ԝ: 'w',
  һ: 'h',
  і: 'l',
  ј: 'j',
  к: 'k',
  ӏ: 'l',
  м: 'm',
  н: 'h',
  о: 'o',
  р: 'p',
  т: 't',
  у: 'y',
  ѵ: 'v',
  х: 'x',
  α: 'a',
  β: 'b',
  γ: 'y',
  ε: 'e',
  ζ: 'z',
  η: 'n',
  ι: 'l',
  κ: 'k',
  μ: 'm',
  ν: 'v',
  ο: 'o',
  ρ: 'p',
  σ: 'o',
  ω: 'w',
  τ: 't',
  υ: 'u',
  χ: 'x',
};

/** Where alphabets of letters in circles, in squares and of flags begin: they aren't letters to Unicode. */
const shaped = [0x1_f1_30, 0x1_f1_50, 0x1_f1_70, 0x1_f1_e6];

/** The letter in a circle or a square; any other text as it is. */
function unshaped(symbol: string): string {
  const code = symbol.codePointAt(0) ?? 0;
  const start = shaped.find((first) => code >= first && code < first + 26);
  return start === undefined ? symbol : String.fromCodePoint(code - start + 0x61);
}

/** Letters of a known name that may not be part of another one; shorter ones are parts of many words. */
const shortest = 4;
/** Stands for a letter of another alphabet within a Latin word, which might look like any: there are thousands. */
const anyLetter = '\0';

/** The words of a name, as they look at a glance: without case, accents, blanks and marks. */
function glance(name: string): string[] {
  return [...name.normalize('NFKD')]
    .map((symbol) => unshaped(symbol))
    .join('')
    .toLowerCase()
    .replaceAll(/[\p{M}\p{Lm}\p{Cf}\p{Default_Ignorable_Code_Point}]/gu, '')
    .replaceAll('|_|', 'u')
    .replaceAll('\\/', 'v')
    .replaceAll('rn', 'm')
    .replaceAll('vv', 'w')
    .split(/[\p{Z}\p{Pd}]+/u)
    .map((word) => lettersOf(word))
    .filter((word) => word !== '');
}

function lettersOf(word: string): string {
  const isLatin = /[a-z]/.test(word);
  return [...word]
    .map((letter) => lookAlikes[letter] ?? (isLatin && /[^\P{L}a-z]/u.test(letter) ? anyLetter : letter))
    .filter((letter) => letter === anyLetter || /[\p{L}\p{N}]/u.test(letter))
    .join('');
}

/** Whether a text begins with another one at a place. */
function hasAt(text: string, place: number, wanted: string): boolean {
  return (
    place >= 0 &&
    [...wanted].every((letter, index) => [letter, anyLetter].includes(text[place + index] ?? ''))
  );
}

/**
 * Whether one name could be taken for another, or for one that has it at the beginning or the end of a word: `Аcme` and
 * `The Acme team` for `Acme`.
 * @param known the name that users trust.
 */
export function resembles(name: string, known: string): boolean {
  const words = glance(name);
  const [given, trusted] = [words.join(''), glance(known).join('')];
  if (trusted.length < shortest) {
    return trusted !== '' && given.length === trusted.length && hasAt(given, 0, trusted);
  }
  // Where each word begins, and where the last one ends.
  const edges = words.reduce<number[]>((found, word) => [...found, (found.at(-1) ?? 0) + word.length], [0]);
  return edges.some((edge) => hasAt(given, edge, trusted) || hasAt(given, edge - trusted.length, trusted));
}
