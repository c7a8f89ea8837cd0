import { join } from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';
import { checkout } from '../journeys/started.vestibule.js';
import { blockRunBy } from '../support/document.blocks.js';

/** What the compiler reports of a component, in a project that uses the package. */
function errorsOf(program: string): readonly string[] {
  const path = join(checkout, 'packages', 'react', 'app.tsx');
  const options: ts.CompilerOptions = {
    strict: true,
    skipLibCheck: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    lib: ['lib.es2023.d.ts', 'lib.dom.d.ts'],
    jsx: ts.JsxEmit.ReactJSX,
    types: [],
    paths: Object.fromEntries(
      ['react', 'browser'].map((name) => [
        `@vestibule-auth/${name}`,
        [join(checkout, 'packages', name, 'src', 'index.ts')],
      ]),
    ),
  };
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (name, version) =>
    name === path ? ts.createSourceFile(name, program, version) : read(name, version);
  const errors = ts.getPreEmitDiagnostics(ts.createProgram([path], options, host));
  return errors.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}

it('the component of the README type-checks, and `login` with what is no path does not', () => {
  const printed = blockRunBy('packages/react/README.md', 'test/journeys/single-page-app.spec.ts', 'react');
  // Without what renders it: there are no types of react-dom here.
  const component = printed.slice(0, printed.indexOf('createRoot(')).replace(/^import .*react-dom.*\n/m, '');
  expect(component).toContain('onClick={login}');
  expect(component).toContain('onClick={logout}');
  expect(errorsOf(component)).toEqual([]);
  expect(errorsOf(component.replace('onClick={login}', 'onClick={() => login(7)}'))).toEqual([
    expect.stringContaining("Argument of type '7'"),
  ]);
});
