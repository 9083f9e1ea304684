import { extname } from 'node:path';

/**
 * Where a module is that runs as a process or thread of its own: beside its importer and of its kind, which is a source here
 * and a bundle in an image.
 *
 * @param name without its extension; bundles share one directory, so that it must be unlike every other one's
 * @param importer the `import.meta.url` of the module that starts it
 */
export function siblingModule(name: string, importer: string): URL {
  return new URL(`${name}${extname(new URL(importer).pathname)}`, importer);
}
