// `node scripts/tsc.mjs ARGUMENT…`: the native compiler, which checks types and builds packages in a third of the time. Nest's CLI can't use
// it: it calls the compiler in JavaScript, as check-regexes.mjs does.
import '../node_modules/@typescript/native/bin/tsc';
