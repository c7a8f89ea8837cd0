// Finds regular expressions whose work grows faster than the text that they search, in the code that is shipped: a request of 64 KiB
// would occupy the process for seconds. What can't be judged exactly in a few seconds counts as harmless: a fuzzer would find other
// faults on each machine.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { check } from 'recheck';
import ts from 'typescript';

/** How many expressions of a file search no text of a request, or only a short one, and why. */
const harmless = {
  'src/doctor/finding-redaction.ts': [1, 'texts of the doctor'],
  'src/launcher/env-template.ts': [1, 'our own template'],
  'src/launcher/ory-air-gap.ts': [3, "the operator's files"],
  'src/features/signals/receiver/signal-transmitter.ts': [1, "the operator's settings"],
  'src/features/organisations/org-slug.ts': [1, 'cut to the length of a slug before'],
  'src/pages/views/avatar.view.tsx': [1, 'an address, which the directory limits'],
  'src/platform/passwords/password.policy.ts': [1, 'cut to 1,024 characters before'],
  'src/features/user-import/exports/firebase-export.ts': [1, "the operator's files"],
  'src/features/user-import/exports/password-hash.ts': [2, 'a hash, which the import limits'],
  'src/providers/ory/proxy/form-post.page.ts': [
    2,
    "a page of Hydra's, in which no text of a request has a tag",
  ],
  'src/platform/config/variable.ts': [1, "the operator's settings"],
};

const isSource = (name) =>
  /\.tsx?$/.test(name) && !/\.spec\.tsx?$|\.d\.ts$|(?:^|\/)(?:node_modules|dist)\//.test(name);
const files = ['src', 'packages'].flatMap((root) =>
  readdirSync(root, { recursive: true })
    .filter((name) => isSource(name))
    .map((name) => join(root, name)),
);

/** @returns {{ file: string, text: string }[]} the expressions that are written in a file. */
function expressionsIn(file) {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const found = [];
  const visit = (node) => {
    if (ts.isRegularExpressionLiteral(node)) {
      found.push({ file, text: node.text });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

const expressions = files.flatMap((file) => expressionsIn(file));
const verdicts = new Map();
const waiting = [...new Set(expressions.map(({ text }) => text))];
const examine = async () => {
  for (let text = waiting.pop(); text !== undefined; text = waiting.pop()) {
    const end = text.lastIndexOf('/');
    verdicts.set(
      text,
      await check(text.slice(1, end), text.slice(end + 1), { checker: 'automaton', timeout: 3000 }),
    );
  }
};
await Promise.all([examine(), examine()]);

const slow = expressions.filter(({ text }) => verdicts.get(text)?.status === 'vulnerable');
const ofFile = (file) => slow.filter((found) => found.file === file).length;
const faults = slow.filter(({ file }) => ofFile(file) > (harmless[file]?.[0] ?? 0));
for (const { file, text } of faults) {
  const { complexity, attack } = verdicts.get(text) ?? {};
  process.stderr.write(`${file}: ${text} is ${complexity?.summary}: ${attack?.pattern ?? ''}\n`);
}
const gone = Object.keys(harmless).filter((file) => !expressions.some((found) => found.file === file));
for (const file of gone) {
  process.stderr.write(`${file} has no expression any more: remove it from scripts/check-regexes.mjs\n`);
}
process.stdout.write(
  `regexes: ${expressions.length} in ${files.length} files, ${slow.length - faults.length} known, ${faults.length} to mend\n`,
);
if (expressions.length === 0 || faults.length + gone.length > 0) {
  process.exitCode = 1;
}
