/**
 * What looks like each letter, in whichever case it does: those of Unicode's confusables (UTS 39) that come from living alphabets in which
 * whole words look Latin, and what is usual in deceptive names. One letter may look like several: `ν` like v, and its capital like n.
 * What stands alone among Latin letters needs no entry, unless it is East Asian.
 */
const lookAlikes: Readonly<Record<string, string>> = {
  a: '@ɑᴀαаᎪꓮ',
  b: 'ʙꞵΒВЬᏏᏴꓐ',
  c: 'ᴄσςсᏟꓚ',
  d: 'đᴅԁᎠᏧꓒꓓ',
  e: '3ᴇΕΣеҽҿᎬꓰ',
  f: 'ꜰϜքꓝ',
  g: 'ɡɢԌցᏀᏳꓖ',
  h: 'ħʜΗНһћҺհᎻᏂꓧ',
  j: 'ᴊϳјᎫꓙ',
  k: 'ᴋκкᏦꓗ',
  l: '1i|!¡ıɪłʟǀιіꙇӏᎥᏞꓡꓲ丨工エ\u1175',
  m: 'ᴍΜМϺᎷꓟ',
  n: 'ɴηΝոռꓠ',
  o: '0〇øᴏοσθоөѳօᎾᏫꓳ口ロ\u110b',
  p: 'ᴘρрᏢꓑ',
  q: 'ꞯԛգզ',
  r: 'ʀᴦгᎡᏒꓣ',
  s: '$5ꜱѕՏᏕᏚꓢ',
  t: 'ŧᴛΤТᎢꓔ十卜ト',
  u: 'ᴜυμսᏌꓴ',
  v: 'ᴠνѵᏙꓦ',
  w: 'ᴡωԝѡաᎳᏔꓪ',
  x: 'Χхꓫ',
  y: 'ʏγΥуүᎩᎽꓬ',
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
/** Stands for a sign of another alphabet within a Latin word, which might look like any letter: there are thousands. */
const anyLetter = '\0';

/** A letter that isn't a Latin one. */
const otherAlphabet = /[^\P{L}\p{Script=Latin}]/u;
/** Letters that stand in words with Latin ones (`Aチーム`), and most of which look like none (UTS 39 section 5.2, "highly restrictive"). */
const eastAsian =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Bopomofo}\p{Script=Hangul}]/u;
/** Letters of alphabets that no living language has, and in which whole words look Latin. */
const bygone =
  /[\p{Script=Carian}\p{Script=Coptic}\p{Script=Deseret}\p{Script=Elbasan}\p{Script=Gothic}\p{Script=Lycian}\p{Script=Lydian}\p{Script=Old_Italic}\p{Script=Runic}]/u;
/** Signs beside letters and digits that stand for a letter in deceptive names: symbols but emoji, marks of other alphabets. */
const strange = /[^\P{S}\p{ASCII}\p{Emoji}]|[^\P{M}\p{Script=Inherited}]/u;

/** The letters of a word, each as all those that it looks like. */
type Word = readonly string[];

/**
 * The words of a name, as they look at a glance: without case, accents, blanks and marks. A name with strange signs has two readings: they
 * may be decoration, or letters.
 */
function readingsOf(name: string): readonly (readonly Word[])[] {
  const words = [...name.normalize('NFKD')]
    .map((symbol) => unshaped(symbol))
    .join('')
    .toLowerCase()
    .replaceAll(/[\p{Script=Inherited}\p{Lm}\p{Cf}\p{Default_Ignorable_Code_Point}]/gu, '')
    .replaceAll('|_|', 'u')
    .replaceAll('\\/', 'v')
    .replaceAll('rn', 'm')
    .replaceAll('vv', 'w')
    .split(/[\p{Z}\p{Pd}]+/u);
  return (strange.test(words.join('')) ? [false, true] : [false]).map((isStrangeRead) =>
    words.map((word) => lettersOf(word, isStrangeRead)).filter((word) => word.length > 0),
  );
}

/** The letters of a word. @param isStrangeRead whether strange signs are letters of it, if it has Latin ones. */
function lettersOf(word: string, isStrangeRead: boolean): Word {
  const latin = [...word].filter((symbol) => /\p{Script=Latin}/u.test(symbol)).length;
  const letters = [...word].filter(
    (symbol) =>
      looksOf.has(symbol) ||
      /[\p{L}\p{N}]/u.test(symbol) ||
      (isStrangeRead && latin > 0 && strange.test(symbol)),
  );
  const foreign = letters.filter((letter) => otherAlphabet.test(letter)).length;
  return letters.map((letter) => {
    const looks = looksOf.get(letter);
    if (looks !== undefined) {
      // One Latin letter in a name of another alphabet is a slip, and doesn't make all others look like any.
      return latin > foreign && otherAlphabet.test(letter) ? looks + anyLetter : looks;
    }
    const isAny = latin > 0 ? /[^\da-z]/.test(letter) && !eastAsian.test(letter) : bygone.test(letter);
    return isAny ? letter + anyLetter : letter;
  });
}

/** The letters of a name that users trust. */
function trustedLetters(name: string): Word {
  return readingsOf(name)[0]?.flat() ?? [];
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
 * `admin`.
 */
export function lookAlikesOf(known: readonly string[]): (name: string) => boolean {
  const trusted = known.map((name) => trustedLetters(name)).filter((letters) => letters.length > 0);
  return (name) =>
    readingsOf(name).some((words) => {
      const given = words.flat();
      return trusted.some((letters) => letters.length === given.length && hasAt(given, 0, letters));
    });
}

/**
 * Whether one name could be taken for another, or for one that has it at the beginning or the end of a word: `Аcme` and
 * `The Acme team` for `Acme`.
 * @param known the name that users trust.
 */
export function resembles(name: string, known: string): boolean {
  const trusted = trustedLetters(known);
  return trusted.length > 0 && readingsOf(name).some((words) => hasName(words, trusted));
}

function hasName(words: readonly Word[], trusted: Word): boolean {
  const given = words.flat();
  if (trusted.length < shortest) {
    return given.length === trusted.length && hasAt(given, 0, trusted);
  }
  // Where each word begins, and where the last one ends.
  const edges = words.reduce<number[]>((found, word) => [...found, (found.at(-1) ?? 0) + word.length], [0]);
  return edges.some((edge) => hasAt(given, edge, trusted) || hasAt(given, edge - trusted.length, trusted));
}
