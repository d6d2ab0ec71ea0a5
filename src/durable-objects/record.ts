/** One row of JSON in an object's own storage: what it keeps changes whole or not at all. */
export interface StoredRecord<Value> {
  read(): Value | null;
  write(value: Value): void;
  /** Forgets everything, the alarm too: the object is as if it had never been called. */
  clear(): void;
  /** Sets the object's alarm, replacing an earlier one. */
  wakeAt(atMs: number): void;
}

/** The record of the object whose storage this is; only that object writes it, so its shape is the object's own. */
export function createRecord<Value>(storage: DurableObjectStorage): StoredRecord<Value> {
  const { sql } = storage;
  // Made by the first write: whoever asks for an object that never was, or was cleared, leaves nothing behind.
  let hasTable = sql.exec("select name from sqlite_master where name = 'record'").toArray().length === 1;
  return {
    read() {
      if (!hasTable) return null;
      const [row] = sql.exec<{ value: string }>("select value from record").toArray();
      return row === undefined ? null : (JSON.parse(row.value) as Value);
    },
    write(value) {
      if (!hasTable) sql.exec("create table record (id integer primary key check (id = 1), value text not null)");
      hasTable = true;
      sql.exec("insert or replace into record (id, value) values (1, ?)", JSON.stringify(value));
    },
    clear() {
      hasTable = false;
      // The only way to nothing: a table without rows would be kept for ever. Not awaited, as below.
      void storage.deleteAll();
    },
    wakeAt(atMs) {
      // Not awaited: the write is in order with those around it, and answers wait for it like for any other.
      void storage.setAlarm(atMs);
    },
  };
}
