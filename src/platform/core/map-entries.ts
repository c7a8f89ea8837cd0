/** Makes something of each entry of a record. @returns a record with the same keys. */
export function mapEntries<Name extends string, Value, Made>(
  record: Readonly<Record<Name, Value>>,
  make: (name: string, value: Value) => Made,
): Readonly<Record<Name, Made>>;
export function mapEntries<Value, Made>(
  record: Readonly<Record<string, Value>>,
  make: (name: string, value: Value) => Made,
): Readonly<Record<string, Made>> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, make(name, value)]));
}
