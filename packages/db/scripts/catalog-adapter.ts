import { PrismaPg } from '@prisma/adapter-pg';
import {
  ColumnTypeEnum,
  type SqlDriverAdapter,
  type SqlMigrationAwareDriverAdapterFactory,
} from '@prisma/driver-adapter-utils';
import pg from 'pg';

/** OIDs of pg_type.dat: "char", the one-byte type of the catalogs, and text. */
const CATALOG_CHAR = 18;
const TEXT = 25;

/**
 * adapter-pg for the schema engine, which reads catalog columns of the type "char". adapter-pg refuses that type, so
 * it is shown text, and the engine is told that they are characters.
 * @param connectionString of the one database that it connects to; each connection ends with `dispose`
 */
export function catalogAdapter(connectionString: string): SqlMigrationAwareDriverAdapterFactory {
  const connect = async () => {
    /** Statement to its columns of the type "char". */
    const characters = new Map<string, readonly number[]>();
    const factory = new PrismaPg(catalogPool(connectionString, characters), { disposeExternalPool: true });
    const adapter: SqlDriverAdapter = await factory.connect();
    const queryRaw = adapter.queryRaw.bind(adapter);
    adapter.queryRaw = async (query) => {
      const result = await queryRaw(query);
      for (const index of characters.get(query.sql) ?? [])
        result.columnTypes[index] = ColumnTypeEnum.Character;
      return result;
    };
    return adapter;
  };
  const connectToShadowDb = () => Promise.reject(new Error('This adapter creates no databases.'));
  return { provider: 'postgres', adapterName: '@prisma/adapter-pg', connect, connectToShadowDb };
}

function catalogPool(connectionString: string, characters: Map<string, readonly number[]>): pg.Pool {
  const pool = new pg.Pool({ connectionString });
  const query = pool.query.bind(pool);
  return Object.assign(pool, {
    query: async (config: pg.QueryConfig) => {
      const result = await query(config);
      const found = [...result.fields.keys()].filter(
        (index) => result.fields[index]?.dataTypeID === CATALOG_CHAR,
      );
      for (const index of found) Object.assign(result.fields[index] ?? {}, { dataTypeID: TEXT });
      characters.set(config.text, found);
      return result;
    },
  });
}
