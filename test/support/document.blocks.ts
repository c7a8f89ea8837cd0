import { readFileSync, readdirSync } from 'node:fs';

const root = new URL('../../', import.meta.url);

/** A fenced block of a document. */
export interface DocumentBlock {
  /** Of the document, from the checkout's root. */
  readonly path: string;
  /** Of its opening fence, from 1. */
  readonly line: number;
  /** What the fence names; empty for what a terminal prints. */
  readonly language: string;
  readonly code: string;
  /** The comment right above it, without its brackets. */
  readonly mark: string | undefined;
}

/** What a block's mark says. */
export type BlockMark =
  /** A spec runs it. The name tells blocks of one document apart that the spec runs one by one. */
  | { readonly kind: 'run'; readonly spec: string; readonly name: string | undefined }
  | { readonly kind: 'not run'; readonly reason: string }
  /** It shows a file of the examples. */
  | { readonly kind: 'file'; readonly path: string };

const block =
  /(?:^ *<!-- (?<mark>[^\n]*) -->\n\n)?^(?<indent> *)```(?<language>\S*)\n(?<code>[\s\S]*?\n)\k<indent>```$/gm;

/** Every document of the checkout, from its root. */
export function documents(): readonly string[] {
  const inDocs = readdirSync(new URL('docs/', root), { recursive: true, encoding: 'utf8' });
  const pages = inDocs.filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`);
  const ofPackages = readdirSync(new URL('packages/', root), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `packages/${name}/README.md`);
  return ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...pages.toSorted(), ...ofPackages.toSorted()];
}

/** The blocks of a document, in order. */
export function blocksOf(path: string, text = readFileSync(new URL(path, root), 'utf8')): DocumentBlock[] {
  return [...text.matchAll(block)].map(({ index, 0: whole, groups = {} }) => {
    const fence = index + whole.indexOf('```');
    const indent = new RegExp(`^${groups['indent'] ?? ''}`, 'gm');
    return {
      path,
      line: text.slice(0, fence).split('\n').length,
      language: groups['language'] ?? '',
      code: (groups['code'] ?? '').replaceAll(indent, ''),
      mark: groups['mark'],
    };
  });
}

/** Reads a mark. @returns undefined for a comment that says nothing of a block. */
export function markOf({ mark }: Pick<DocumentBlock, 'mark'>): BlockMark | undefined {
  const [, spec, name] = /^run: (\S+\.spec\.ts)(?:, (.+))?$/.exec(mark ?? '') ?? [];
  if (spec !== undefined) {
    return { kind: 'run', spec, name };
  }
  const reason = /^not run: (.+)$/.exec(mark ?? '')?.[1];
  if (reason !== undefined) {
    return { kind: 'not run', reason };
  }
  const path = /^(examples\/\S+)$/.exec(mark ?? '')?.[1];
  return path === undefined ? undefined : { kind: 'file', path };
}

/**
 * The code of a document's blocks that are marked as run by a spec, in order: what is printed is what runs.
 * @param spec path of the spec that asks, from the checkout's root. @param name of the blocks, where the spec has several.
 * @throws where there is none.
 */
export function blocksRunBy(path: string, spec: string, name?: string): string[] {
  const found = blocksOf(path).filter((candidate) => {
    const mark = markOf(candidate);
    return mark?.kind === 'run' && mark.spec === spec && mark.name === name;
  });
  if (found.length === 0) {
    throw new Error(`${path} has no block for ${spec}${name === undefined ? '' : `, ${name}`}`);
  }
  return found.map(({ code }) => code);
}

/** The code of the only such block. */
export function blockRunBy(path: string, spec: string, name?: string): string {
  const [code = '', ...others] = blocksRunBy(path, spec, name);
  if (others.length > 0) {
    throw new Error(`${path} has more than one block for ${spec}: name them`);
  }
  return code;
}
