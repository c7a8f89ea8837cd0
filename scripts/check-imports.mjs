// Holds the direction of imports, and that the checker saw every module: one that reads nothing finds nothing.
import { readFileSync, readdirSync } from 'node:fs';
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

// Few wings with few arrows between them: a map that a newcomer can keep in mind. Features, and what puts all together, may use each wing.
const most = { wings: 17, arrows: 65, arrowsOfFeatures: 6 };
const usesAll = new Set(['app', 'features']);
const wingOf = (path) => /^src\/([^/]+)\//.exec(path)?.[1] ?? 'app';
const arrows = new Set(
  output.modules
    .filter(({ source }) => source.startsWith('src/') && !/\.spec\.tsx?$/.test(source))
    .flatMap(({ source, dependencies }) =>
      dependencies
        .filter((to) => to.resolved.startsWith('src/') && wingOf(to.resolved) !== wingOf(source))
        .map((to) => `${wingOf(source)} → ${wingOf(to.resolved)}`)
        .filter(() => !usesAll.has(wingOf(source))),
    ),
);
const featureOf = (path) => /^src\/features\/([^/]+)\//.exec(path)?.[1];
/** Whether one feature's manifest names the other. */
const isDeclared = (one, other) =>
  new RegExp(`\\bneeds: \\[[^\\]]*'${other}'`).test(
    readFileSync(join('src/features', one, `${one}.feature.ts`), 'utf8'),
  );
const arrowsOfFeatures = [
  ...new Set(
    output.modules.flatMap(({ source, dependencies }) => {
      const one = featureOf(source);
      return dependencies
        .map((to) => featureOf(to.resolved))
        .filter((other) => one !== undefined && other !== undefined && other !== one)
        .map((other) => `${one} ${other}`);
    }),
  ),
];
const undeclared = arrowsOfFeatures.filter((arrow) => !isDeclared(...arrow.split(' ')));
for (const arrow of undeclared) {
  process.stderr.write(
    `${arrow.replace(' ', ' → ')}: the manifest of the first doesn't name the second in needs\n`,
  );
}
const wings = new Set(existing.map(wingOf));
const isTangled =
  wings.size > most.wings ||
  arrows.size > most.arrows ||
  arrowsOfFeatures.length > most.arrowsOfFeatures ||
  undeclared.length > 0;

process.stdout.write(
  `imports: ${existing.length} modules in ${wings.size} wings, ${resolved} imports, ${arrows.size} arrows between wings ` +
    `(at most ${most.arrows}), ${arrowsOfFeatures.length} between features (at most ${most.arrowsOfFeatures}), ` +
    `${violations.length} violations\n`,
);
const hasFailed = violations.length > 0 || missed.length > 0 || isTangled;
process.exitCode = hasFailed || existing.length === 0 || resolved < existing.length ? 1 : 0;
