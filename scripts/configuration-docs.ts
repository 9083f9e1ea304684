// Writes the table of settings into docs/configuration.md from the schemas that parse them.
import { readFile, writeFile } from 'node:fs/promises';
import { settingsTable, withSettingsTable } from '../apps/server/src/config/documentation.ts';
import { settings } from '../apps/server/src/config/settings.ts';

const file = new URL('../docs/configuration.md', import.meta.url);
await writeFile(file, withSettingsTable(await readFile(file, 'utf8'), settingsTable(settings)));
