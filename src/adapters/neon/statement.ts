/** One SQL statement and its parameters. */
export interface Statement {
  readonly text: string;
  readonly params: readonly unknown[];
}

/** Builds a {@link Statement} from a template; every value becomes a parameter, never text. */
export function sql(strings: TemplateStringsArray, ...params: readonly unknown[]): Statement {
  const text = strings.reduce((built, part, index) => `${built}$${index}${part}`);
  return { text, params };
}
