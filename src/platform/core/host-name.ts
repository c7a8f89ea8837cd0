/** Labels of a host name in lower case, in ASCII (RFC 1123 section 2.1). */
const labels = /^[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?(?:\.[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?)*$/;
const longestName = 253;

/** Whether a text is a host name in the one spelling in which browsers send it. */
export function isHostName(text: string): boolean {
  return text.length <= longestName && labels.test(text);
}
