import { RefusedRecord } from './refused-record.js';

/** Bytes that one record may have: a user of an export has a few thousand. */
export const longestRecord = 1_048_576;

/** A record of an import file, in its place. */
export interface FileRecord {
  /** Number of the line, or of the element of `users`, from 1. */
  readonly number: number;
  /** Its text, or why it can't be had. */
  readonly text: string | RefusedRecord;
}

/** The bytes of one record, which are dropped as soon as they are too many. */
class RecordBytes {
  readonly #parts: Buffer[] = [];
  #length = 0;

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  add(bytes: Buffer): void {
    this.#length += bytes.length;
    if (this.#length > longestRecord) {
      this.#parts.length = 0;
    } else if (bytes.length > 0) {
      this.#parts.push(bytes);
    }
  }

  /** The record so far; the next one begins. */
  take(number: number): FileRecord {
    const bytes = Buffer.concat(this.#parts);
    const isTooLong = this.#length > longestRecord;
    this.#parts.length = 0;
    this.#length = 0;
    if (isTooLong) {
      return { number, text: new RefusedRecord(`it has more than ${longestRecord} bytes`) };
    }
    try {
      return { number, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
    } catch {
      return { number, text: new RefusedRecord("it isn't UTF-8") };
    }
  }
}

/** Splits newline-delimited JSON into its lines. Empty lines count, and are left out. A line that is too long is never held whole. */
export async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<FileRecord> {
  const line = new RecordBytes();
  let number = 1;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      line.add(chunk.subarray(start, end));
      yield* nonEmpty(line.take(number));
      number += 1;
      start = end + 1;
    }
    line.add(chunk.subarray(start));
  }
  if (!line.isEmpty) {
    yield* nonEmpty(line.take(number));
  }
}

function* nonEmpty(record: FileRecord): Generator<FileRecord> {
  if (typeof record.text !== 'string' || record.text.trim() !== '') {
    yield record;
  }
}

/** The file ended within its JSON, or isn't the kind of JSON that was expected. The message states which. */
export class BrokenDocument extends Error {
  override readonly name = 'BrokenDocument';
}

const byte = {
  quote: 0x22,
  comma: 0x2c,
  colon: 0x3a,
  backslash: 0x5c,
  openArray: 0x5b,
  closeArray: 0x5d,
  openObject: 0x7b,
  closeObject: 0x7d,
} as const;

/** Whether a byte is white space of JSON (RFC 8259 section 2). */
export function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

/**
 * Splits a JSON document into the elements of its top-level `users`, and skips everything else. It only finds where elements
 * begin and end: each is parsed later, by itself. So an element that is too long, or broken, is refused without the others.
 * @throws {BrokenDocument} at its end, if the document is cut off or has no `users`.
 */
export async function* elementsOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<FileRecord> {
  const element = new RecordBytes();
  let number = 1;
  let depth = 0;
  let isInString = false;
  let isEscaped = false;
  let isInUsers = false;
  let hasUsers = false;
  let isInElement = false;
  /** The last string at the top level, and the key that the value at hand has. */
  let word = '';
  let key: string | undefined;
  for await (const chunk of chunks) {
    let start = 0;
    for (let index = 0; index < chunk.length; index += 1) {
      const code = chunk[index] ?? 0;
      if (isInString) {
        if (isEscaped) {
          isEscaped = false;
        } else if (code === byte.backslash) {
          isEscaped = true;
        } else if (code === byte.quote) {
          isInString = false;
          continue;
        }
        if (depth === 1 && word.length < 16) {
          word += String.fromCharCode(code);
        }
        continue;
      }
      const isBetween = isInUsers && depth === 2;
      if (isBetween && (code === byte.comma || code === byte.closeArray)) {
        if (isInElement) {
          element.add(chunk.subarray(start, index));
          yield element.take(number);
          number += 1;
          isInElement = false;
        }
      } else if (isBetween && !isInElement && !isSpace(code)) {
        isInElement = true;
        start = index;
      }
      if (code === byte.quote) {
        isInString = true;
        word = depth === 1 ? '' : word;
      } else if (code === byte.openArray || code === byte.openObject) {
        depth += 1;
        if (depth === 2 && code === byte.openArray && key === 'users') {
          isInUsers = true;
          hasUsers = true;
        }
      } else if (code === byte.closeArray || code === byte.closeObject) {
        depth -= 1;
        isInUsers &&= depth > 1;
      } else if (depth === 1 && code === byte.colon) {
        key = word;
      } else if (depth === 1 && code === byte.comma) {
        key = undefined;
      }
    }
    if (isInElement) {
      element.add(chunk.subarray(start));
    }
  }
  if (!hasUsers) {
    throw new BrokenDocument('The file has no top-level `users` array.');
  }
  if (depth !== 0 || isInString) {
    throw new BrokenDocument('The file ends within its JSON: it was cut off.');
  }
}
