import { DatabaseSync, type SQLInputValue } from "node:sqlite";

/** The SQL of an object's storage on Node's own SQLite: as much of it as our objects use. */
export function createSqliteStorage(): SqlStorage {
  const database = new DatabaseSync(":memory:");
  const exec = (query: string, ...params: SQLInputValue[]) => {
    if (params.length === 0 && query.split(";").filter((part) => part.trim() !== "").length > 1) {
      database.exec(query);
      return toCursor([]);
    }
    return toCursor(database.prepare(query).all(...params));
  };
  // The cursor's other members are used by none of ours.
  return { exec } as unknown as SqlStorage;
}

function toCursor(rows: readonly unknown[]) {
  return {
    toArray: () => [...rows],
    one: () => {
      if (rows.length !== 1) throw new Error(`expected one row, got ${rows.length}`);
      return rows[0];
    },
    [Symbol.iterator]: () => rows[Symbol.iterator](),
  };
}
