/** Letters and digits that look like another one, as far as they are usual in deceptive names. */
const lookAlikes: Readonly<Record<string, string>> = {
  0: 'o',
  1: 'l',
  i: 'l',
  '|': 'l',
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

/** Letters of a known name that may not begin or end another one; shorter ones are parts of many words. */
const shortest = 4;

/** A name as it looks at a glance: without case, accents, blanks and marks. */
function glance(name: string): string {
  const letters = [...name.normalize('NFKD')]
    .map((symbol) => unshaped(symbol))
    .join('')
    .toLowerCase()
    .replaceAll(/[\p{M}\p{Lm}\p{Cf}\p{Default_Ignorable_Code_Point}]/gu, '')
    .replaceAll('rn', 'm')
    .replaceAll('vv', 'w');
  return [...letters]
    .map((letter) => lookAlikes[letter] ?? letter)
    .filter((letter) => /[\p{L}\p{N}]/u.test(letter))
    .join('');
}

/**
 * Whether one name could be taken for another, or for one that begins or ends with it: `Аcme` and `Acme Support` for `Acme`.
 * @param known the name that users trust.
 */
export function resembles(name: string, known: string): boolean {
  const [given, trusted] = [glance(name), glance(known)];
  const isPart = trusted.length >= shortest && (given.startsWith(trusted) || given.endsWith(trusted));
  return isPart || (trusted !== '' && given === trusted);
}
