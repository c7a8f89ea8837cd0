/**
 * Reads rows in the order of a key, a page at a time: the gateway looks at itself, too, and goes on with its work between two of them.
 * @param read reads rows whose key comes after another, `size` at most.
 */
export async function* rowPages<Row>(
  size: number,
  read: (after: string) => Promise<readonly Row[]>,
  keyOf: (row: Row) => string,
): AsyncGenerator<readonly Row[]> {
  let after: string | undefined = '';
  while (after !== undefined) {
    const rows: readonly Row[] = await read(after);
    yield rows;
    const last = rows.at(-1);
    after = last === undefined || rows.length < size ? undefined : keyOf(last);
  }
}
