// Joins the gateway's modules and those of its packages into dist/main.js, the launcher's into dist/launcher/main.js and the commands' into
// dist/cli/main.js, after the compiler: Node takes longer to find and open 2,700 files than to run them (docs/adr/0017-joined-gateway.md).
// The compiled modules stay beside them, for programs that are built on them.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const banner = '// Joined by scripts/join-gateway.mjs.';

/** Packages with files of their own beside their code: a native library, a thread's program, a manifest. `pg` is loaded when needed. */
const apart = ['libsql', 'pino', 'ioredis'];

await joinProgram(join(dist, 'main.js'), apart);
await joinProgram(join(dist, 'launcher', 'main.js'), [...apart, 'pg']);
await joinProgram(join(dist, 'cli', 'main.js'), apart);

async function joinProgram(program, external) {
  // A command's first line names its interpreter.
  if (readFileSync(program, 'utf8').slice(0, 200).includes(banner)) {
    throw new Error(`${program} is joined already: it needs a compiler before it (npm run build)`);
  }
  const bundle = await rolldown({
    cwd: root,
    input: { main: program },
    platform: 'node',
    external: (id) => external.some((name) => id === name || id.startsWith(`${name}/`)),
    resolve: { symlinks: false },
    plugins: [ownPlace(dirname(program))],
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
      codeSplitting: false,
      comments: { jsdoc: false },
      // What is imported for its effect alone, as reflect-metadata is, stays before what needs it.
      strictExecutionOrder: true,
      // Names of classes are seen outside: in logs, in the API's document.
      keepNames: true,
    });
    const asking = output[0].code
      .split('\n')
      .find((line) => /(?<!typeof .*)\b__(?:dirname|filename)\b/.test(line));
    if (output.length > 1 || asking !== undefined) {
      throw new Error(`something looks for files beside its code, and must stay apart: ${asking?.trim()}`);
    }
    writeFileSync(program, inAscii(output[0].code));
  } finally {
    await bundle.close();
  }
  // Of the file that was here before.
  rmSync(`${program}.map`, { force: true });
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

/** Writes characters beyond ASCII as escapes. One beyond Latin-1 makes V8 keep each of the file's ten million in two bytes. */
function inAscii(code) {
  const escaped = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return code.replace(/[^\0-\x7f]/g, escaped);
}
