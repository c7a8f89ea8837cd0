/** A BER element (X.690): a tag, the length, and the content. */
export function berElement(tag: number, ...content: readonly (Buffer | string | number)[]): Buffer {
  const body = Buffer.concat(
    content.map((part) => (typeof part === 'number' ? Buffer.from([part]) : Buffer.from(part))),
  );
  const length = body.length < 128 ? [body.length] : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

/** An LDAP message (RFC 4511 section 4.1.1). */
export const ldapMessage = (id: number, operation: Buffer): Buffer =>
  berElement(0x30, berElement(0x02, id), operation);

/** An operation that is only a result, such as the answer to a bind (0x61) or the end of a search (0x65). */
export const ldapResult = (tag: number, code = 0): Buffer =>
  berElement(tag, berElement(0x0a, code), berElement(0x04), berElement(0x04));

/** An entry that a search found. */
export function ldapEntry(id: number, dn: string, attributes: Readonly<Record<string, string>>): Buffer {
  const members = Object.entries(attributes).map(([name, value]) =>
    berElement(0x30, berElement(0x04, name), berElement(0x31, berElement(0x04, value))),
  );
  return ldapMessage(id, berElement(0x64, berElement(0x04, dn), berElement(0x30, ...members)));
}

/** Id and operation of a message whose id is below 128. */
export function readLdapRequest(message: Buffer): { readonly id: number; readonly operation: number } {
  const first = message[1] ?? 0;
  const start = first < 0x80 ? 2 : 2 + (first & 0x7f);
  return { id: message[start + 2] ?? 0, operation: message[start + 3] ?? 0 };
}
