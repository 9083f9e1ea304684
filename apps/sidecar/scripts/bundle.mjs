// npm run bundle -w @shadow/sidecar: what the image runs. A pod's start is mostly the loading of modules: in few files, and
// without what nobody calls, they take half the time (docs/decisions/0010-bundled-sidecar.md).
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const OUT = path('../dist');

/** What brings native code, WebAssembly or programs along stays a package. */
const PACKAGES = [
  '@lydell/node-pty',
  '@parcel/watcher',
  '@vscode/ripgrep',
  'mvdan-sh',
  'tree-sitter-wasms',
  'web-tree-sitter',
];
/** Packages that `ws` uses where they are installed. */
const OPTIONAL = ['bufferutil', 'utf-8-validate'];

/**
 * Modules of Node that cost milliseconds of each start. Imported in the usual way, Node reads every export of `http` to hand it
 * on, and one of them loads its WebSocket client; those of TLS are asked for by libraries whose clients nobody here uses.
 */
const builtins = {
  name: 'builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(node:)?(https?|tls)$/ }, ({ path: id }) => ({
      path: id.replace('node:', ''),
      namespace: 'builtin',
    }));
    onLoad({ filter: /^http$/, namespace: 'builtin' }, () => ({
      contents: "module.exports = process.getBuiltinModule('node:http');",
    }));
    onLoad({ filter: /./, namespace: 'builtin' }, ({ path: id }) => ({
      contents: `module.exports = new Proxy({}, { get: (_, name) => process.getBuiltinModule('node:${id}')[name] });`,
    }));
  },
};

/** What runs as a process or thread of its own, each with all of its code: shared, it would be in many small files. */
const PROGRAMS = {
  supervisor: '../src/supervisor.ts',
  main: '../src/main.ts',
  'process-host': '../../../packages/workspace/src/host/process-host.ts',
  'index-worker': '../../../packages/workspace/src/search/codebase/index-worker.ts',
};

await rm(OUT, { recursive: true, force: true });
for (const [name, source] of Object.entries(PROGRAMS)) {
  await build({
    entryPoints: { [name]: path(source) },
    outdir: OUT,
    // A name that needs no look at package.json.
    outExtension: { '.js': '.mjs' },
    bundle: true,
    // What is imported late stays apart.
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    external: [...PACKAGES, ...OPTIONAL],
    plugins: [builtins],
    // What CommonJS modules among them expect to be there.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url), __filename = import.meta.filename, __dirname = import.meta.dirname;",
    },
    // Names stay; `node --enable-source-maps` tells the lines.
    minifySyntax: true,
    minifyWhitespace: true,
    sourcemap: 'linked',
    legalComments: 'linked',
    logLevel: 'warning',
  });
}
await mkdir(OUT, { recursive: true });
await copyFile(path('../src/reaper.sh'), path('../dist/reaper.sh'));
