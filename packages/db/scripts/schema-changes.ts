import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { openSchemaEngine } from './schema-engine.ts';

/** OIDs of pg_type.dat: "char", the one-byte type of the catalogs, and text. */
const CATALOG_CHAR = 18;
const TEXT = 25;

/**
 * The SQL that leads from what a database holds to what a Prisma schema says.
 * @param connectionString of a database that holds nothing but migrated tables
 * @param schema content of the Prisma schema
 * @returns null when the database has exactly the schema
 */
export async function schemaChanges(connectionString: string, schema: string): Promise<string | null> {
  const pool = catalogPool(connectionString);
  const engine = await openSchemaEngine(new PrismaPg(pool), schema);
  const files = [{ path: 'schema.prisma', content: schema }];
  try {
    const { stdout, exitCode } = await engine.diff({
      from: { tag: 'schemaDatasource', files, configDir: '/' },
      to: { tag: 'schemaDatamodel', files },
      script: true,
      exitCode: true,
      filters: { externalTables: [], externalEnums: [] },
    });
    return exitCode === 0 ? null : stdout;
  } finally {
    engine.free();
    await pool.end();
  }
}

/** adapter-pg refuses columns of the type "char", which the engine reads from the catalogs; as text both take them. */
function catalogPool(connectionString: string): pg.Pool {
  const pool = new pg.Pool({ connectionString });
  const query = pool.query.bind(pool);
  return Object.assign(pool, {
    query: async (config: pg.QueryConfig) => {
      const result = await query(config);
      for (const field of result.fields) if (field.dataTypeID === CATALOG_CHAR) field.dataTypeID = TEXT;
      return result;
    },
  });
}
