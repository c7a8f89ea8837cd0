import { DOMParser } from '@xmldom/xmldom';

/** A text isn't XML that is accepted from others. */
export class XmlError extends Error {
  override readonly name = 'XmlError';
}

/** An XML declaration at the beginning. */
const declaration = /^\s*<\?xml\s[^?<>]*\?>/;
/** What may stand between `<!` and what follows: a comment or character data, and so neither a document type nor an entity. */
const forbiddenMarkup = /<\?|<!(?!--|\[CDATA\[)/;

/** What a message or a document may have at most. Parsers take more than linear time for more, before any signature is checked. */
const most = { elements: 10_000, depth: 100, names: 200, quotes: 200 } as const;

/**
 * Parses XML of another party. A document type, entities and processing instructions are refused as text, before anything reads them,
 * and whatever the parser would only warn of is an error.
 * @returns the root element.
 * @throws {XmlError}
 */
export function parseXml(text: string): Element {
  const body = text.replace(/^\uFEFF/, '').replace(declaration, '');
  if (forbiddenMarkup.test(body) || body.includes('\0')) {
    throw new XmlError('a document type, entity or processing instruction');
  }
  requireModest(body);
  // The parser's own messages repeat parts of the text, which may be anything.
  const refuse = (): never => {
    throw new XmlError('not well-formed');
  };
  const parser = new DOMParser({ errorHandler: { warning: refuse, error: refuse, fatalError: refuse } });
  const parsed = parser.parseFromString(body, 'text/xml');
  const [root, ...others] = elementsIn(parsed);
  const isText = nodesIn(parsed).some(
    ({ nodeType, nodeValue }) => nodeType === 3 && nodeValue?.trim() !== '',
  );
  if (root === undefined || others.length > 0 || isText) {
    throw new XmlError('not one root element');
  }
  return root;
}

/** The elements directly in a node, with this name if one is given. */
export function childrenOf(parent: Element, namespace: string, name: string): readonly Element[] {
  return elementsIn(parent).filter((element) => isNamed(element, namespace, name));
}

/** The only element of this name directly in another; undefined if there is none. @throws {XmlError} if there are several. */
export function childOf(parent: Element | undefined, namespace: string, name: string): Element | undefined {
  const [only, ...others] = parent === undefined ? [] : childrenOf(parent, namespace, name);
  if (others.length > 0) {
    throw new XmlError(`more than one ${name}`);
  }
  return only;
}

/** An element and all that are in it, in the document's order. */
export function* allElements(root: Element): Generator<Element> {
  const left = [root];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    yield next;
    for (const child of elementsIn(next).toReversed()) {
      left.push(child);
    }
  }
}

export function isNamed(element: Element, namespace: string, name: string): boolean {
  return element.localName === name && element.namespaceURI === namespace;
}

/** The whole text of an element, comments left out, without outer blanks; undefined if there is none. */
export function textOf(element: Element | undefined): string | undefined {
  const text = element?.textContent?.trim();
  return text === '' ? undefined : text;
}

/** An attribute without namespace; undefined if it is missing or empty. */
export function attributeOf(element: Element | undefined, name: string): string | undefined {
  const value = element?.getAttribute(name);
  return value === '' || value === null ? undefined : value;
}

/** Counts what makes a text expensive, in one pass, before anything reads it. @throws {XmlError} */
function requireModest(text: string): void {
  const names = new Set<string>();
  let [elements, depth] = [0, 0];
  for (let start = text.indexOf('<'); start !== -1;) {
    const [, closing] = sections.find(([opening]) => text.startsWith(opening, start)) ?? [];
    const end = closing === undefined ? endOfTag(text, start) : text.indexOf(closing, start);
    if (end === -1) {
      throw new XmlError('not well-formed');
    }
    if (closing === undefined) {
      const tag = text.slice(start + 1, end);
      if (tag.startsWith('/')) {
        depth -= 1;
      } else {
        elements += 1;
        depth += tag.endsWith('/') ? 0 : 1;
        names.add(/^[^\s/]*/.exec(tag)?.[0] ?? '');
      }
    }
    if (elements > most.elements || depth > most.depth || names.size > most.names) {
      throw new XmlError('too many elements, too deep, or of too many names');
    }
    start = text.indexOf('<', end + 1);
  }
}

/** What isn't a tag, and how it ends. */
const sections = [
  ['<!--', '-->'],
  ['<![CDATA[', ']]>'],
] as const;

/** Where a tag ends: attributes may have its last character in their values. @returns -1 if it doesn't. */
function endOfTag(text: string, start: number): number {
  let quote = '';
  let quotes = 0;
  for (let index = start + 1; index < text.length && quotes <= most.quotes; index += 1) {
    const character = text[index] ?? '';
    if (quote === '' ? character === '"' || character === "'" : character === quote) {
      quote = quote === '' ? character : '';
      quotes += 1;
    } else if (quote === '' && character === '>') {
      return index;
    }
  }
  return -1;
}

function elementsIn(parent: Document | Element): readonly Element[] {
  return nodesIn(parent).filter((node): node is Element => node.nodeType === 1);
}

function nodesIn({ childNodes }: Document | Element): readonly ChildNode[] {
  return Array.from({ length: childNodes.length }, (_, index) => childNodes[index]).filter(
    (node) => node !== undefined,
  );
}
