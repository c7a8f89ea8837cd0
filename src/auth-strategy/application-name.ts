/**
 * What looks like each letter, in whichever case it does: those of Unicode's confusables (UTS 39) that come from alphabets in which
 * whole words look Latin, and what is usual in deceptive names. One letter may look like several: `ν` like v, and its capital like n.
 */
const lookAlikes: Readonly<Record<string, string>> = {
  a: '@ɑᴀαаᎪꓮ',
  b: 'ʙꞵΒВЬᏏᏴꓐ',
  c: 'ᴄсⲥᏟꓚ',
  d: 'đᴅԁᎠᏧꓒꓓ',
  e: '€℮3ᴇΕΣеҽҿᎬꓰ',
  f: 'ꜰϜքꓝ',
  g: 'ɡɢԌցᏀᏳꓖ',
  h: 'ħʜΗНһћҺⲎհᎻᏂꓧ',
  j: 'ᴊϳјᎫꓙ',
  k: 'ᴋκкⲔᏦꓗ',
  l: '1i|!¡ıɪłʟǀιіꙇӏⲒᎥᏞꓡꓲ',
  m: 'ᴍΜМϺⲘᎷꓟ',
  n: 'ɴηΝⲚոռꓠ',
  o: '0øᴏοσθоөѳⲟօᎾᏫꓳ',
  p: 'ᴘρрⲣᏢꓑ',
  q: 'ꞯԛգզ',
  r: 'ʀᴦгⲅᎡᏒꓣ',
  s: '$5ꜱѕՏᏕᏚꓢ',
  t: 'ŧᴛΤТⲦᎢꓔ',
  u: 'ᴜυμսᏌꓴ',
  v: 'ᴠνѵᏙꓦ',
  w: 'ᴡωԝѡաᎳᏔꓪ',
  x: 'ΧхⲬꓫ',
  y: 'ʏγΥуүⲨᎩᎽꓬ',
  z: 'ᴢΖᏃꓜ',
};

/** The letters that each symbol looks like in either case; a symbol that isn't in here looks like itself. */
const looksOf = new Map<string, string>();
for (const [latin, symbols] of Object.entries(lookAlikes)) {
  for (const symbol of new Set(symbols.toLowerCase())) {
    looksOf.set(symbol, `${looksOf.get(symbol) ?? ''}${latin}`);
  }
}

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

/** A letter that isn't a Latin one. */
const otherAlphabet = /[^\P{L}\p{Script=Latin}]/u;

/** The letters of a word, each as all those that it looks like. */
type Word = readonly string[];

/** The words of a name, as they look at a glance: without case, accents, blanks and marks. */
export function wordsOf(name: string): Word[] {
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
    .filter((word) => word.length > 0);
}

function lettersOf(word: string): Word {
  const letters = [...word].filter((symbol) => looksOf.has(symbol) || /[\p{L}\p{N}]/u.test(symbol));
  const latin = letters.filter((letter) => /\p{Script=Latin}/u.test(letter)).length;
  const foreign = letters.filter((letter) => otherAlphabet.test(letter)).length;
  return letters.map((letter) => {
    const looks = looksOf.get(letter);
    if (looks === undefined) {
      return latin > 0 && /[^\P{L}a-z]/u.test(letter) ? letter + anyLetter : letter;
    }
    // One Latin letter in a name of another alphabet is a slip, and doesn't make all others look like any.
    return latin > foreign && otherAlphabet.test(letter) ? looks + anyLetter : looks;
  });
}

/** Whether a text begins with another one at a place. */
function hasAt(text: Word, place: number, wanted: Word): boolean {
  return (
    place >= 0 &&
    wanted.every((trusted, index) => {
      const given = text[place + index] ?? '';
      return given.includes(anyLetter) || [...given].some((look) => trusted.includes(look));
    })
  );
}

/**
 * Recognises names that could be taken for one of some known ones as a whole, wherever they have blanks or hyphens: `ad-mіn` for
 * `admin`. The function that it returns takes the words of a name.
 */
export function lookAlikesOf(known: readonly string[]): (words: readonly Word[]) => boolean {
  const trusted = known.map((name) => wordsOf(name).flat()).filter((letters) => letters.length > 0);
  return (words) => {
    const given = words.flat();
    return trusted.some((letters) => letters.length === given.length && hasAt(given, 0, letters));
  };
}

/**
 * Whether one name could be taken for another, or for one that has it at the beginning or the end of a word: `Аcme` and
 * `The Acme team` for `Acme`.
 * @param known the name that users trust.
 */
export function resembles(name: string, known: string): boolean {
  const words = wordsOf(name);
  const [given, trusted] = [words.flat(), wordsOf(known).flat()];
  if (trusted.length < shortest) {
    return trusted.length > 0 && given.length === trusted.length && hasAt(given, 0, trusted);
  }
  // Where each word begins, and where the last one ends.
  const edges = words.reduce<number[]>((found, word) => [...found, (found.at(-1) ?? 0) + word.length], [0]);
  return edges.some((edge) => hasAt(given, edge, trusted) || hasAt(given, edge - trusted.length, trusted));
}
