// `npm run release:pack -- FOLDER [PLATFORM…]`: the packages of a release, as they are published (docs/internals/release.md): the gateway's,
// for each platform one with Kratos, Hydra and Mailpit, and those for other services. Two runs on one checkout give the same tarballs, byte by byte.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepareOrExit, root } from './prepare.mjs';
import { checkoutFilter, normaliseModes } from './bundle.mjs';
import { createProgress } from './progress.mjs';
import { writeGateway } from './release-gateway.mjs';
import { licences } from './release-licences.mjs';
import { buildVersion, writeBuildVersion } from './version.mjs';

const platforms = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'];
const programs = ['kratos', 'hydra', 'mailpit'];
const readManifest = (path) => JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8'));
const manifest = { ...readManifest('.'), version: buildVersion() };
/** The packages for other services, each after those that it needs. */
const libraries = manifest.workspaces.filter((path) => path.startsWith('packages/'));
const scope = manifest.name.split('/')[0];
const programsOf = (platform) => `${scope}/programs-${platform}`;
const written = (value) => `${JSON.stringify(value, undefined, 2)}\n`;

/** The compiler's notes. */
const leftOut = new Set(['.tsbuildinfo']);

/**
 * Writes the tarballs of a release into a folder, with `SHA256SUMS`.
 * @param {string} folder
 * @returns the tarballs' paths, the gateway's first.
 * @throws {Error} what npm or go report.
 */
export async function packRelease(folder, wanted = platforms, progress = createProgress()) {
  const out = resolve(folder);
  mkdirSync(out, { recursive: true });
  writeBuildVersion();
  const staging = mkdtempSync(join(tmpdir(), 'vestibule-release-'));
  try {
    const gateway = join(staging, 'gateway');
    await writeGateway(
      gateway,
      manifest,
      Object.fromEntries(platforms.map((platform) => [programsOf(platform), manifest.version])),
    );
    const packages = [gateway];
    const digests = {};
    for (const platform of wanted) {
      const path = join(staging, platform);
      await writePrograms(path, platform, progress);
      digests[platform] = Object.fromEntries(programs.map((name) => [name, digest(join(path, 'bin', name))]));
      packages.push(path);
    }
    // What the launcher runs of another package is what was built with this one.
    writeFileSync(join(gateway, 'programs.json'), written(digests));
    const names = [...pack(packages, out), ...packLibraries(out)];
    writeFileSync(join(out, 'SHA256SUMS'), sums(out, names));
    return names.map((name) => join(out, name));
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/**
 * Packs the packages for other services, which must be built.
 * @param {string} out a folder that exists.
 * @returns {string[]} the tarballs' names.
 */
export function packLibraries(out) {
  const staging = mkdtempSync(join(tmpdir(), 'vestibule-libraries-'));
  try {
    const isOfCheckout = checkoutFilter();
    const folders = libraries.map((library) => {
      const folder = join(staging, basename(library));
      for (const part of ['README.md', 'dist']) {
        cpSync(join(root, library, part), join(folder, part), {
          recursive: true,
          filter: (source) => isOfCheckout(source) && !leftOut.has(basename(source)),
        });
      }
      cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
      writeFileSync(join(folder, 'package.json'), written(libraryManifest(library)));
      return folder;
    });
    return pack(folders, out);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/** A library's own manifest, with the version of this build, which it asks of its siblings too. */
function libraryManifest(library) {
  const { dependencies = {}, ...own } = readManifest(library);
  const siblings = Object.keys(dependencies).filter((name) => name.startsWith(`${scope}/`));
  return {
    ...own,
    version: manifest.version,
    dependencies: {
      ...dependencies,
      ...Object.fromEntries(siblings.map((name) => [name, manifest.version])),
    },
  };
}

async function writePrograms(folder, platform, progress) {
  const [os, cpu] = platform.split('-');
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  const step = progress.step(`building ${programs.join(', ')} for ${platform}`);
  const { buildArguments, pinnedBinaries } = await import(
    pathToFileURL(join(root, 'dist/launcher/binary-pins.js')).href
  );
  for (const program of programs) {
    const binary = pinnedBinaries[program];
    // Always built, never taken from this machine: what is published has the modules that the bill names.
    go(program, [...buildArguments(binary), '-o', join(bin, program), binary.package], {
      GOOS: os,
      GOARCH: cpu === 'x64' ? 'amd64' : cpu,
      GOAMD64: 'v1',
      GOARM64: 'v8.0',
    });
  }
  const modules = programs.flatMap((program) => modulesOf(program, join(bin, program)));
  writeFileSync(join(folder, 'LICENSES.txt'), licences(modules));
  writeFileSync(join(folder, 'bom.cdx.json'), written(bill(platform, modules)));
  const names = programs.map((program) => join('bin', program));
  writeFileSync(join(folder, 'SHA256SUMS'), sums(folder, names));
  writeFileSync(
    join(folder, 'README.md'),
    `Kratos, Hydra and Mailpit for ${platform}, built from the pinned Go modules of ${manifest.name} ${manifest.version}.\n` +
      'That package installs this one. LICENSES.txt has the licences, bom.cdx.json the modules.\n',
  );
  const { version, engines } = manifest;
  writeFileSync(
    join(folder, 'package.json'),
    written({
      name: programsOf(platform),
      version,
      description: `Kratos, Hydra and Mailpit for ${manifest.name} on ${platform}`,
      license: 'SEE LICENSE IN LICENSES.txt',
      repository: manifest.repository,
      os: [os],
      cpu: [cpu],
      engines,
    }),
  );
  step.done();
  return folder;
}

function go(program, args, env = {}) {
  return execFileSync('go', args, {
    cwd: join(root, 'docker', program),
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '', GOWORK: 'off', ...env },
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
}

/** The Go modules in a program, and Go itself: path, version and the folder of their source. */
function modulesOf(program, path) {
  const folders = new Map(
    go(program, ['list', '-m', '-f', '{{.Path}}\t{{.Dir}}', 'all'])
      .split('\n')
      .map((line) => line.split('\t')),
  );
  const [version, goRoot] = go(program, ['env', 'GOVERSION', 'GOROOT']).trim().split('\n');
  const listed = go(program, ['version', '-m', path]).matchAll(
    /^\t(?:dep|mod)\t(\S+)\t(\S+)[^\n]*(?:\n\t=>\t(\S+)\t(\S+))?/gm,
  );
  return [
    { name: 'std', version, folder: goRoot },
    ...[...listed].map(([, name, ownVersion, other, otherVersion]) =>
      other?.startsWith('../')
        ? { name: `${manifest.name.slice(1)}/sqlite`, version: manifest.version, folder: root }
        : { name: other ?? name, version: otherVersion ?? ownVersion, folder: folders.get(name) },
    ),
  ];
}

/** CycloneDX, without a serial number or a time, so that it is the same for everyone. */
function bill(platform, modules) {
  const purls = [...new Set(modules.map(({ name, version }) => `pkg:golang/${name}@${version}`))].sort();
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: { type: 'application', name: programsOf(platform), version: manifest.version } },
    components: purls.map((purl) => {
      const [, name, version] = /^pkg:golang\/(.+)@(.+)$/.exec(purl);
      return { type: 'library', 'bom-ref': purl, name, version, purl };
    }),
  };
}

/** Packs folders by one run of npm. @returns the tarballs' names, in the same order. */
function pack(folders, out) {
  folders.forEach(normaliseModes);
  const script = process.env.npm_execpath;
  const [command, ...first] = script?.endsWith('.js') ? [process.execPath, script] : ['npm'];
  const printed = execFileSync(
    command,
    [...first, 'pack', '--json', '--ignore-scripts', '--pack-destination', out, ...folders],
    {
      // In the checkout itself, npm would take the folders for its workspaces.
      cwd: out,
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const names = [JSON.parse(printed)]
    .flat(1)
    .flatMap((each) => each.filename ?? Object.values(each).map(({ filename }) => filename));
  return names.map((name) => basename(name));
}

function sums(folder, names) {
  return names.map((name) => `${digest(join(folder, name))}  ${name}\n`).join('');
}

function digest(path) {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [folder, ...wanted] = process.argv.slice(2);
  const unknown = wanted.filter((platform) => !platforms.includes(platform));
  if (folder === undefined || unknown.length > 0) {
    process.stderr.write(
      `Say where to, and optionally for what: npm run release:pack -- FOLDER [${platforms.join(' | ')}]\n`,
    );
    process.exit(1);
  }
  // Nothing that an earlier build has left.
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  await prepareOrExit({ everything: true });
  execFileSync(process.execPath, [join(root, 'scripts/tsc.mjs'), '-b', 'packages'], {
    cwd: root,
  });
  const paths = await packRelease(folder, wanted.length > 0 ? wanted : platforms);
  process.stdout.write(paths.map((path) => `${relative(process.cwd(), path)}\n`).join(''));
}
