/** A record of an import file is refused. The message states why, and never holds a value of the record. */
export class RefusedRecord extends Error {
  override readonly name = 'RefusedRecord';
}
