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

// Few wings with few arrows between them: a map that a newcomer can keep in mind.
const most = { wings: 18, arrows: 75 };
const wingOf = (path) => /^src\/([^/]+)\//.exec(path)?.[1] ?? 'app';
const arrows = new Set(
  output.modules
    .filter(({ source }) => source.startsWith('src/') && !/\.spec\.tsx?$/.test(source))
    .flatMap(({ source, dependencies }) =>
      dependencies
        .filter((to) => to.resolved.startsWith('src/') && wingOf(to.resolved) !== wingOf(source))
        .map((to) => `${wingOf(source)} → ${wingOf(to.resolved)}`),
    ),
);
const wings = new Set(existing.map(wingOf));
const isTangled = wings.size > most.wings || arrows.size > most.arrows;

process.stdout.write(
  `imports: ${existing.length} modules in ${wings.size} wings, ${resolved} imports, ${arrows.size} arrows between wings ` +
    `(at most ${most.arrows}), ${violations.length} violations\n`,
);
const hasFailed = violations.length > 0 || missed.length > 0 || isTangled;
process.exitCode = hasFailed || existing.length === 0 || resolved < existing.length ? 1 : 0;
