/** One row of JSON in an object's own storage: what it keeps changes whole or not at all. */
export interface StoredRecord<Value> {
  read(): Value | null;
  write(value: Value): void;
  clear(): void;
  /** Sets the object's alarm, replacing an earlier one. */
  wakeAt(atMs: number): void;
}

/** The record of the object whose storage this is; only that object writes it, so its shape is the object's own. */
export function createRecord<Value>(storage: DurableObjectStorage): StoredRecord<Value> {
  const { sql } = storage;
  sql.exec("create table if not exists record (id integer primary key check (id = 1), value text not null)");
  return {
    read() {
      const [row] = sql.exec<{ value: string }>("select value from record").toArray();
      return row === undefined ? null : (JSON.parse(row.value) as Value);
    },
    write(value) {
      sql.exec("insert or replace into record (id, value) values (1, ?)", JSON.stringify(value));
    },
    clear() {
      sql.exec("delete from record");
    },
    wakeAt(atMs) {
      // Not awaited: the write is in order with those around it, and answers wait for it like for any other.
      void storage.setAlarm(atMs);
    },
  };
}
