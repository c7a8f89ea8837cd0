// Joins the gateway's modules and those of its packages into dist/main.js, the launcher's into dist/launcher/main.js and the commands' into
// dist/cli/main.js, after the compiler: Node takes longer to find and open 2,700 files than to run them (docs/adr/0017-joined-gateway.md).
// The compiled modules stay beside them, for programs that are built on them.
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { basename, dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { writeBuildVersion } from './version.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const banner = '// Joined by scripts/join-gateway.mjs.';

/** Files of packages that pages send (src/pages/asset.store.ts). */
const vendored = [
  '@picocss/pico/css/pico.classless.min.css',
  'swagger-ui-dist/swagger-ui.css',
  'swagger-ui-dist/swagger-ui-bundle.js',
];

/** Packages with files of their own beside their code: a native library, a thread's program, a manifest. `pg` is loaded when needed. */
export const apart = ['libsql', 'pino', 'ioredis'];

/**
 * What the modules of an application share with the gateway's: it is the application's own, in a package
 * (docs/adr/0016-supply-chain.md).
 */
export const shared = [
  '@nestjs/common',
  '@nestjs/core',
  '@nestjs/platform-fastify',
  'fastify',
  'kysely',
  'reflect-metadata',
  'rxjs',
  'zod',
];

async function joinProgram(program, external, plugins = []) {
  // A command's first line names its interpreter.
  if (readFileSync(program, 'utf8').slice(0, 200).includes(banner)) {
    throw new Error(`${program} is joined already: it needs a compiler before it (npm run build)`);
  }
  const [joined, ...others] = await joinModules(
    { main: program },
    external,
    { codeSplitting: false },
    plugins,
  );
  if (others.length > 0) {
    throw new Error(`${program} is joined into more than one file`);
  }
  writeFileSync(program, joined.code);
  // Of the file that was here before.
  rmSync(`${program}.map`, { force: true });
}

/** Writes the entry points of applications into a folder, with the modules that both need in a file of their own. */
export async function joinEntryPoints(folder) {
  const external = [...apart, 'pg', ...shared];
  const input = { index: join(dist, 'index.js'), testing: join(dist, 'testing.js') };
  const files = await joinModules(input, external, {}, [featuresApart('program')]);
  const own = new Set(files.map(({ fileName }) => fileName));
  for (const { fileName, code, imports } of files) {
    const unknown = imports.filter((name) => !own.has(name) && !isBuiltin(name) && !isOf(external, name));
    if (unknown.length > 0) {
      throw new Error(`${fileName} imports ${unknown.join(', ')}, which the package doesn't have`);
    }
    writeFileSync(join(folder, fileName), code);
  }
}

const isOf = (packages, id) => packages.some((name) => id === name || id.startsWith(`${name}/`));

/** Joins compiled modules and those of their packages, except for the external ones. Files that lie in one folder stay in one. */
async function joinModules(input, external, options = {}, plugins = []) {
  const bundle = await rolldown({
    cwd: root,
    input,
    platform: 'node',
    external: (id) => isOf(external, id),
    resolve: { symlinks: false },
    plugins: [...plugins, ownPlace(dirname(Object.values(input)[0]))],
    // A busy machine is no fault of what is joined.
    checks: { bundlerTimings: false },
    onLog(_level, { code, id, message }) {
      // Packages ask for others that may be installed; they find them missing when they run, as they do without this.
      if (code !== 'UNRESOLVED_IMPORT' || !id?.startsWith(join(root, 'node_modules', sep))) {
        throw new Error(message);
      }
    },
  });
  try {
    const { output } = await bundle.generate({
      banner,
      chunkFileNames: 'joined.[name].js',
      comments: { jsdoc: false },
      // What is imported for its effect alone, as reflect-metadata is, stays before what needs it.
      strictExecutionOrder: true,
      // Names of classes are seen outside: in logs, in the API's document.
      keepNames: true,
      ...options,
    });
    return output.map(({ fileName, code, imports }) => {
      const asking = code.split('\n').find((line) => /(?<!typeof .*)\b__(?:dirname|filename)\b/.test(line));
      if (asking !== undefined) {
        throw new Error(`something looks for files beside its code, and must stay apart: ${asking.trim()}`);
      }
      return { fileName, code: inAscii(code), imports };
    });
  } finally {
    await bundle.close();
  }
}

/** Each module goes on finding what lies beside it. @param folder of the joined file. */
function ownPlace(folder) {
  return {
    name: 'own-place',
    transform(code, id) {
      const path = relative(folder, id).split(sep).join('/');
      return code.includes('import.meta.url')
        ? code.replaceAll('import.meta.url', `new URL(${JSON.stringify(path)}, import.meta.url).href`)
        : undefined;
    },
  };
}

/** Leaves out what manifests of features bring, in files of these roles, to a program that doesn't ask for it. */
const featuresApart = (...roles) => ({
  name: 'features-apart',
  resolveId: (id, importer) =>
    importer?.endsWith('.feature.js') && roles.some((role) => id.endsWith(`.${role}.js`))
      ? { id, external: 'absolute' }
      : undefined,
});

/** Writes characters beyond ASCII as escapes. One beyond Latin-1 makes V8 keep each of the file's ten million in two bytes. */
function inAscii(code) {
  const escaped = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return code.replace(/[^\0-\x7f]/g, escaped);
}

/** Joins each program of dist, and puts beside it what it needs besides. */
export async function joinPrograms() {
  await joinProgram(join(dist, 'main.js'), apart, [featuresApart('program')]);
  await joinProgram(join(dist, 'cli', 'main.js'), apart, [featuresApart('module')]);
  await joinProgram(
    join(dist, 'launcher', 'main.js'),
    [...apart, 'pg'],
    [featuresApart('module', 'program')],
  );
  writeBuildVersion();
  // What pages need of packages lies beside their own files, so that these packages needn't be there.
  for (const path of vendored) {
    copyFileSync(createRequire(import.meta.url).resolve(path), join(dist, 'pages', 'assets', basename(path)));
  }
}
