// Prints the bill of materials of the production tree, as CycloneDX: what npm finds in the lock file, without development
// packages and without what would make two of them differ.
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { root } from './prepare.mjs';
import { buildVersion } from './version.mjs';

const { name, version: written } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const version = buildVersion();
// Not --omit=dev: npm 11 leaves packages out then that development packages need too, zod and pg among them.
const args = ['sbom', '--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--package-lock-only'];
const script = process.env.npm_execpath;
const [command, ...first] = script?.endsWith('.js') ? [process.execPath, script] : ['npm'];
const printed = execFileSync(command, [...first, ...args], {
  cwd: root,
  encoding: 'utf8',
  maxBuffer: 67_108_864,
});
// npm calls the application by the folder that it's in.
const found = `${basename(root)}@${written}`;
const bill = JSON.parse(printed, (_key, value) => (value === found ? `${name}@${version}` : value));
delete bill.serialNumber;
delete bill.metadata.timestamp;
// By the lock file: where npm has one version in several places, it says of the first only whether it's for development.
const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
const production = new Set(
  Object.entries(packages)
    .filter(
      ([path, { dev, devOptional, link }]) =>
        path.startsWith('node_modules/') && link !== true && dev !== true && devOptional !== true,
    )
    .map(
      ([path, found]) =>
        `${found.name ?? path.slice(path.lastIndexOf('node_modules/') + 13)}@${found.version}`,
    ),
);
bill.components = bill.components
  .filter((component) => production.has(component['bom-ref']))
  .map(({ properties: _development, ...component }) => ({
    ...component,
    licenses: component.licenses ?? oldLicenses(component),
  }));

/** Of packages from before `license` was a word: a list, or only a text in the readme. */
function oldLicenses({ name: packageName, group }) {
  const folder = join(root, 'node_modules', group === undefined ? packageName : join(group, packageName));
  const { licenses = [] } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const readme = readdirSync(folder).find((file) => /^readme/i.test(file));
  const isMit =
    licenses.some(({ type }) => type === 'MIT') ||
    (readme !== undefined && readFileSync(join(folder, readme), 'utf8').includes('(The MIT License)'));
  return isMit ? [{ license: { id: 'MIT' } }] : undefined;
}

const references = new Set(bill.components.map((component) => component['bom-ref']));
bill.dependencies = bill.dependencies
  .filter(({ ref }) => references.has(ref) || ref === `${name}@${version}`)
  .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((other) => references.has(other)) }));
Object.assign(bill.metadata.component, { name, version, purl: `pkg:npm/${name}@${version}` });
process.stdout.write(`${JSON.stringify(bill, null, 2)}\n`);
