/** How many requests the tests of a file have sent, by the letter of the case that is in their title: `[T01]` counts for T. */
const sent = new Map<string, number>();
let nameOfTest = (): string | undefined => undefined;

/** @param read the full title of the test that runs now. */
export function countRequestsOf(read: () => string | undefined): ReadonlyMap<string, number> {
  nameOfTest = read;
  // Files share a process; each counts its own.
  sent.clear();
  return sent;
}

/** Counts a request to a gateway. */
export function noteRequest(): void {
  for (const letter of caseLettersIn(nameOfTest() ?? '')) {
    sent.set(letter, (sent.get(letter) ?? 0) + 1);
  }
}

/** Letters of the cases that a title ends with. */
export function caseLettersIn(title: string): ReadonlySet<string> {
  return new Set([...title.matchAll(/\[([A-Z])\d{2}\]/g)].map(([, letter = '']) => letter));
}
