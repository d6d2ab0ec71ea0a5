/** A value that refuses to be printed: as text, in a template and in JSON it reads `[secret]`. */
export interface Secret<Value> {
  /** The value itself. Only what sends or hashes it asks. */
  reveal(): Value;
  toString(): string;
  toJSON(): string;
}

export const HIDDEN = "[secret]";

/** Wraps a value so that printing what holds it, by whatever way, does not print it. */
export function createSecret<Value>(value: Value): Secret<Value> {
  const hide = () => HIDDEN;
  return Object.freeze({ reveal: () => value, toString: hide, toJSON: hide });
}
