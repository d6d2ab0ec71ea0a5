import { type messages, type PGlite, protocol } from "@electric-sql/pglite";
import type { Field, Statement, StatementResult } from "./protocol.ts";

type Message = Awaited<ReturnType<PGlite["execProtocol"]>>["messages"][number];

/**
 * Runs one statement through the extended protocol, so that several in one text are refused (42601) and every value
 * comes back in Postgres's own text form: PGlite's `query` would parse them.
 */
export async function runStatement(database: PGlite, { text, params }: Statement): Promise<StatementResult> {
  const { parse, bind, describe, execute, sync } = protocol.serialize;
  const request = Buffer.concat([
    parse({ text }),
    bind({ values: [...params] }),
    describe({ type: "P" }),
    execute({}),
    sync(),
  ]);
  const { messages } = await database.execProtocol(new Uint8Array(request));
  return readResult(messages);
}

function readResult(messages: readonly Message[]): StatementResult {
  const described = messages.find(isRowDescription);
  const tag = (messages.find(isCommandComplete)?.text ?? "").split(" ");
  const rowCount = Number.parseInt(tag.at(-1) ?? "", 10);
  return {
    command: tag[0] ?? "",
    rowCount: Number.isNaN(rowCount) ? null : rowCount,
    fields: described?.fields.map(readField) ?? [],
    rows: messages.filter(isDataRow).map((row) => row.fields),
  };
}

function readField(field: Field): Field {
  const { name, tableID, columnID, dataTypeID, dataTypeSize, dataTypeModifier } = field;
  return { name, tableID, columnID, dataTypeID, dataTypeSize, dataTypeModifier };
}

function isRowDescription(message: Message): message is messages.RowDescriptionMessage {
  return message.name === "rowDescription";
}

function isCommandComplete(message: Message): message is messages.CommandCompleteMessage {
  return message.name === "commandComplete";
}

function isDataRow(message: Message): message is messages.DataRowMessage {
  return message.name === "dataRow";
}
