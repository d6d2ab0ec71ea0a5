/** C0, DEL and C1: what could break a log line, a terminal or a list. */
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
const CONTROLS = new RegExp(CONTROL, "g");

/** False when the text holds control characters or half a character. */
export function isPlainText(text: string): boolean {
  return text.isWellFormed() && !CONTROL.test(text);
}

/** The JSON value without what Postgres cannot hold, NUL and half characters, at any depth: providers' words are not ours. */
export function toStorable<Value>(value: Value): Value {
  const strip = (_: string, part: unknown) =>
    typeof part === "string" ? part.replaceAll("\0", "").toWellFormed() : part;
  return JSON.parse(JSON.stringify(value), strip) as Value;
}

/** `raw` without control characters, cut to `maxCharacters`; null stays null, and so does what is left empty. */
export function toPlainText(raw: string | null, maxCharacters: number): string | null {
  const text = (raw ?? "").toWellFormed().replace(CONTROLS, "").trim().slice(0, maxCharacters).toWellFormed();
  return text === "" ? null : text;
}
