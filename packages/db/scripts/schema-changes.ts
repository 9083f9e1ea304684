import { catalogAdapter } from './catalog-adapter.ts';
import { openSchemaEngine } from './schema-engine.ts';

/**
 * The SQL that leads from what a database holds to what a Prisma schema says.
 * @param connectionString of a database that holds nothing but migrated tables
 * @param schema content of the Prisma schema
 * @returns null when the database has exactly the schema
 */
export async function schemaChanges(connectionString: string, schema: string): Promise<string | null> {
  const engine = await openSchemaEngine(catalogAdapter(connectionString), schema);
  const files = [{ path: 'schema.prisma', content: schema }];
  const { stdout, exitCode } = await engine.diff({
    from: { tag: 'schemaDatasource', files, configDir: '/' },
    to: { tag: 'schemaDatamodel', files },
    script: true,
    exitCode: true,
    filters: { externalTables: [], externalEnums: [] },
  });
  return exitCode === 0 ? null : stdout;
}
