import { parseJson } from '../../../platform/config/json.parser.js';
import { BrokenDocument } from './record-splitter.js';

/**
 * Whether a file is one JSON document with users, instead of a JSON object on each line. Its first line tells: a whole object of that
 * kind, or the beginning of one, as `{` or `{"users": [`. Any other line that is broken isn't taken for the beginning of a document.
 * @param head the beginning of the file, with its first line that isn't blank.
 * @throws {BrokenDocument} if the file is something else: CSV, or a JSON array.
 */
export function isDocumentHead(head: Buffer): boolean {
  const text = head.toString('utf8').trimStart();
  const [first = ''] = text.split('\n', 1);
  const line = first.trim();
  const parsed = parseJson(line);
  if (parsed === undefined ? line.startsWith('[') : isListOfObjects(parsed)) {
    throw new BrokenDocument(
      'The file is a JSON array: write each of its users as an object on its own line.',
    );
  }
  if (parsed === undefined && isCsv(line)) {
    throw new BrokenDocument('The file looks like CSV: export the users as JSON.');
  }
  if (parsed !== undefined) {
    return isObject(parsed) && (Object.hasOwn(parsed, 'users') || Object.hasOwn(parsed, 'realm'));
  }
  const isWholeLine = first.length < text.length;
  return /^\{\s*(?:$|"(?:users|realm)"\s*:)/.test(line) || (!isWholeLine && /^\{.*"realm"/s.test(line));
}

/** Whether a line that isn't JSON may be the first one of a CSV file, and not the rest of a broken object. */
function isCsv(line: string): boolean {
  return !line.startsWith('{') && !line.endsWith('}') && /[,;\t]/.test(line);
}

function isObject(value: unknown): value is object {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function isListOfObjects(value: unknown): boolean {
  return Array.isArray(value) && value.some(isObject);
}
