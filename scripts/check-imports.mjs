// Holds the direction of imports, and that the checker saw every module: one that reads nothing finds nothing.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { cruise } from 'dependency-cruiser';
import config from '../.dependency-cruiser.mjs';

const { output } = await cruise(['src'], {
  ...config.options,
  ruleSet: { forbidden: config.forbidden },
  validate: true,
});
const violations = output.summary.violations.filter(({ rule }) => rule.severity === 'error');
for (const { rule, from, to } of violations) {
  process.stderr.write(`${rule.name}: ${from} → ${to}\n`);
}

const isModule = (name) => /\.tsx?$/.test(name) && !name.endsWith('.d.ts');
const existing = readdirSync('src', { recursive: true })
  .filter((name) => isModule(name))
  .map((name) => join('src', name));
const seen = new Set(output.modules.map(({ source }) => source));
const missed = existing.filter((path) => !seen.has(path));
if (existing.length === 0 || missed.length > 0) {
  process.stderr.write(
    `${missed.length} of ${existing.length} modules were not seen: ${missed.slice(0, 5).join(', ')}\n`,
  );
}
const resolved = output.modules.flatMap(({ dependencies }) => dependencies).length;
process.stdout.write(
  `imports: ${existing.length} modules, ${resolved} imports, ${violations.length} violations\n`,
);
process.exitCode =
  violations.length > 0 || missed.length > 0 || existing.length === 0 || resolved < existing.length ? 1 : 0;
