import { type ChainHead, type ChainMemory, type Checkpoint, EMPTY_CHAIN, type Mark } from "../../domain/audit-chain.ts";
import { isCheckpointSeq, isSamePlace } from "../../domain/audit-checkpoint.ts";
import { AppError } from "../../domain/errors.ts";
import type { CheckpointBook } from "../../services/audit/store-checkpoints.ts";

const TABLES = `
  create table if not exists marks (
    seq integer primary key, hash text not null, at text, "keyId" text, signature text, stored integer not null default 0
  ) strict;
  create index if not exists marks_unstored on marks (seq) where stored = 0;
  create table if not exists anchor (
    id integer primary key check (id = 1), seq integer not null, hash text not null, cleared integer not null,
    failures integer not null, retry_at_ms integer not null
  ) strict;
  insert or ignore into anchor values (1, ${EMPTY_CHAIN.seq}, '${EMPTY_CHAIN.hash}', 1, 0, 0);
`;

/** What an `AuditLog` object remembers of its chain: every thousandth hash, and where the chain begins. */
export interface SqlCheckpoints extends Omit<CheckpointBook, "chain"> {
  /** Remembers the place when it is one for a checkpoint. */
  pass(place: ChainHead): void;
  /** Remembers the place. @throws `invalid_request` when another hash is remembered there. */
  mark(place: ChainHead): void;
  /** When to sign or store what waits, once Postgres has the events up to `flushedSeq`. Infinity = nothing waits. */
  dueMs(soonMs: number, flushedSeq: number): number;
  memory(after: number, limit: number): ChainMemory;
  /** Lets the chain begin behind that place. @throws `invalid_request` when it begins behind it already. */
  moveAnchor(place: ChainHead): void;
  keepCleared(seq: number): void;
  /** Remembers, instead of all it has, a chain that begins behind `anchor` and what was signed of it. */
  adopt(anchor: ChainHead, signed: readonly Checkpoint[]): void;
}

/** The checkpoints in the object's own SQLite. */
export function createSqlCheckpoints({ sql }: DurableObjectStorage): SqlCheckpoints {
  sql.exec(TABLES);
  const anchor = () => sql.exec<SqlAnchor>("select * from anchor").one();
  const marks = (where: string, ...params: number[]) =>
    sql.exec<SqlMark>(`select * from marks where ${where}`, ...params).toArray();
  const mark = ({ seq, hash }: ChainHead) => {
    sql.exec("insert or ignore into marks (seq, hash) values (?, ?)", seq, hash);
    const [known] = marks("seq = ?", seq);
    if (known?.hash !== hash) throw new AppError("invalid_request", "The audit log remembers another hash there.");
  };

  return {
    mark,
    pass: (place) => (isCheckpointSeq(place.seq) ? mark(place) : undefined),
    unsigned: () => marks("stored = 0 and signature is null order by seq").map(({ seq, hash }) => ({ seq, hash })),
    keepSignature: ({ seq, at, keyId, signature }) =>
      void sql.exec('update marks set at = ?, "keyId" = ?, signature = ? where seq = ?', at, keyId, signature, seq),
    unstored: () => marks("stored = 0 and signature is not null order by seq").map(toCheckpoint),
    keepStored: (checkpoints) => {
      for (const { seq } of checkpoints) sql.exec("update marks set stored = 1 where seq = ?", seq);
    },
    failures: () => anchor().failures,
    keepFailures: (failures, retryAtMs) =>
      void sql.exec("update anchor set failures = ?, retry_at_ms = ?", failures, retryAtMs),
    dueMs: (soonMs, flushedSeq) => {
      const [first] = marks("stored = 0 order by seq limit 1");
      return first !== undefined && first.seq <= flushedSeq ? Math.max(soonMs, anchor().retry_at_ms) : Infinity;
    },
    memory: (after, limit) => {
      const { seq, hash, cleared } = anchor();
      const from = "seq >= coalesce((select max(seq) from marks where seq <= ?1), ?1) order by seq limit ?2";
      const found = marks(from, Math.max(after, seq), limit);
      return { anchor: { seq, hash }, isCleared: cleared === 1, marks: found.map(toMark) };
    },
    moveAnchor: ({ seq, hash }) => {
      if (seq <= anchor().seq && !isSamePlace(anchor(), { seq, hash })) {
        throw new AppError("invalid_request", "The audit log was pruned beyond that place.");
      }
      sql.exec("update anchor set seq = ?, hash = ?, cleared = 0", seq, hash);
      sql.exec("delete from marks where seq < ? and stored = 1", seq);
    },
    keepCleared: (seq) => void sql.exec("update anchor set cleared = 1 where seq = ?", seq),
    adopt: ({ seq, hash }, signed) => {
      sql.exec("delete from marks");
      sql.exec("update anchor set seq = ?, hash = ?, cleared = 1", seq, hash);
      for (const mark of signed) {
        const { keyId, signature, at } = mark;
        const row = [mark.seq, mark.hash, at, keyId, signature];
        sql.exec('insert into marks (seq, hash, at, "keyId", signature, stored) values (?, ?, ?, ?, ?, 1)', ...row);
      }
    },
  };
}

function toMark(row: SqlMark): Mark {
  return { seq: row.seq, hash: row.hash, checkpoint: row.stored === 1 ? toCheckpoint(row) : null };
}

function toCheckpoint({ seq, hash, at, keyId, signature }: SqlMark) {
  return { seq, hash, at: at ?? "", keyId: keyId ?? "", signature: signature ?? "" };
}

type SqlAnchor = { seq: number; hash: string; cleared: number; failures: number; retry_at_ms: number };
type SqlMark = {
  seq: number;
  hash: string;
  at: string | null;
  keyId: string | null;
  signature: string | null;
  stored: number;
};
