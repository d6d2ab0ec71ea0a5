import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { METRICS, type MetricDefinition } from "../../src/domain/metric.ts";

const DOCS = `${import.meta.dirname}/../../docs`;
const read = (path: string) => readFileSync(`${DOCS}/${path}`, "utf8");

const DEFINITIONS: Readonly<Record<string, MetricDefinition>> = METRICS;
const PART = /_(?:bucket|sum|count)$/;
/** What these files use of PromQL, and the labels a scrape adds. */
const WORDS = new Set(["sum", "rate", "increase", "histogram_quantile", "topk", "by", "le", "up", "job"]);

interface Panel {
  readonly title: string;
  readonly type: string;
  readonly description?: string;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly wait: string;
  readonly severity: string;
  readonly summary: string;
  readonly action: string;
}

const { panels } = JSON.parse(read("observability/dashboard.json")) as { panels: readonly Panel[] };
const queries = panels.flatMap(({ title, targets = [] }) => targets.map((target) => ({ title, ...target })));
const rules = readRules(read("observability/alerts.yml"));
const expressions: readonly (readonly [string, string])[] = [
  ...queries.map(({ title, expr }) => [`the panel ${title}`, expr] as const),
  ...rules.map(({ alert, expr }) => [`the alert ${alert}`, expr] as const),
];

/** The few shapes of YAML the rules are written in: one field a line, and texts folded with `>-`. */
function readRules(yaml: string): readonly Rule[] {
  return yaml
    .split(/^ +- alert: /m)
    .slice(1)
    .map((block) => {
      const field = (name: string) => {
        const [, folded, plain] = new RegExp(`^ +${name}: (?:>-\\n((?: {10}.+\\n)+)|(.+)$)`, "m").exec(block) ?? [];
        const text = folded === undefined ? (plain ?? "") : folded.trim().replaceAll(/\n +/g, " ");
        return text.replace(/^"(.*)"$/, "$1");
      };
      const [alert = ""] = block.split("\n");
      const [expr, wait, severity] = [field("expr"), field("for"), field("severity")];
      return { alert, expr, wait, severity, summary: field("summary"), action: field("action") };
    });
}

/** The metrics a query names, with the labels it selects each by or groups by. */
function findUses(expr: string): readonly { readonly name: string; readonly labels: readonly string[] }[] {
  const groups = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap((match) => (match[1] ?? "").split(/,\s*/));
  return [...expr.matchAll(/\b(aurora_\w+)(?:\{([^}]*)\})?/g)].map(([, name = "", selectors = ""]) => {
    const selected = [...selectors.matchAll(/(\w+)\s*(?:=~|!~|!=|=)"/g)].map((match) => match[1] ?? "");
    return { name, labels: [...selected, ...groups] };
  });
}

/** What is wrong with a query, as sentences. */
function findProblems(expr: string): readonly string[] {
  return findUses(expr).flatMap(({ name, labels }) => {
    const definition = DEFINITIONS[name] ?? DEFINITIONS[name.replace(PART, "")];
    if (definition === undefined) return [`${name} does not exist`];
    const isPart = DEFINITIONS[name] === undefined;
    if (isPart !== (definition.kind === "histogram")) return [`${name} is not how a ${definition.kind} is read`];
    const known = [...Object.keys(definition.labels), ...(name.endsWith("_bucket") ? ["le"] : [])];
    const unknown = labels.filter((label) => !known.includes(label));
    return [...unknown.map((label) => `${name} has no label ${label}`), ...findWrongTexts(expr, definition)];
  });
}

/** Texts that a label with a closed list is compared with and never has. */
function findWrongTexts(expr: string, { labels }: MetricDefinition): readonly string[] {
  return [...expr.matchAll(/(\w+)\s*(?:=~|=)"([^"]*)"/g)].flatMap(([, label = "", texts = ""]) => {
    const rule = labels[label];
    if (rule === undefined || typeof rule === "string") return [];
    return texts.split("|").flatMap((text) => (rule.includes(text) ? [] : [`${label} is never ${text}`]));
  });
}

describe("every query", () => {
  test("is found", () => {
    expect(queries.length).toBeGreaterThan(25);
    expect(rules.length).toBeGreaterThan(12);
  });

  test.each(expressions)("of %s asks for metrics and labels that exist, in words that PromQL has", (_, expr) => {
    expect(findProblems(expr)).toEqual([]);
    const words = expr.replaceAll(/"[^"]*"|\[[^\]]*\]/g, "").match(/[a-z_]\w*/g) ?? [];
    const labels = new Set(Object.values(DEFINITIONS).flatMap((definition) => Object.keys(definition.labels)));
    expect(words.filter((word) => !WORDS.has(word) && !labels.has(word) && !word.startsWith("aurora_"))).toEqual([]);
  });

  test.each(expressions)("of %s closes what it opens", (_, expr) => {
    const text = expr.replaceAll(/"[^"]*"/g, "");
    const count = (part: string) => text.split(part).length;
    expect([count("("), count("{"), count("[")]).toEqual([count(")"), count("}"), count("]")]);
    expect(text).not.toContain('"');
  });

  test.each([
    ["sum(rate(aurora_nothing_total[5m]))", "aurora_nothing_total does not exist"],
    ["sum by (user) (rate(aurora_refreshes_total[5m]))", "aurora_refreshes_total has no label user"],
    ['aurora_refreshes_total{outcome="guessed"}', "outcome is never guessed"],
    ["rate(aurora_refresh_duration_seconds[5m])", "aurora_refresh_duration_seconds is not how a histogram is read"],
    ["rate(aurora_refreshes_total_count[5m])", "aurora_refreshes_total_count is not how a counter is read"],
    ["sum by (le) (aurora_refresh_duration_seconds_sum)", "aurora_refresh_duration_seconds_sum has no label le"],
  ])("that is wrong would be found: %s", (expr, problem) => {
    expect(findProblems(expr)).toEqual([problem]);
  });
});

describe("the dashboard", () => {
  test("says what every panel shows, under a title of its own", () => {
    const shown = panels.filter(({ type }) => type !== "row");
    expect(new Set(shown.map(({ title }) => title)).size).toBe(shown.length);
    for (const { title, description = "", targets = [] } of shown) {
      expect(description, title).toMatch(/^[A-Z0-9].+\.$/);
      expect(targets.length, title).toBeGreaterThan(0);
    }
  });

  test("names series by labels that their query leaves", () => {
    for (const { expr, legendFormat } of queries) {
      for (const [, label = ""] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
        const isLeft = expr.includes("by (")
          ? new RegExp(`by \\([^)]*\\b${label}\\b`).test(expr)
          : !expr.includes("sum(");
        expect(isLeft, `${expr} ${label}`).toBe(true);
      }
    }
  });

  test("shows every metric: none is counted for nobody", () => {
    const shown = queries.flatMap(({ expr }) => findUses(expr)).map(({ name }) => name.replace(PART, ""));
    expect(Object.keys(METRICS).filter((name) => !shown.includes(name))).toEqual([]);
  });
});

describe("every alert", () => {
  test.each(rules.map((rule) => [rule.alert, rule] as const))(
    "%s waits, has a weight, and says what to do",
    (name, rule) => {
      expect(name).toMatch(/^Aurora[A-Z]\w+$/);
      expect(rule.expr).toMatch(/ (?:>|==) [\d.]+$/);
      expect(rule.wait).toMatch(/^\d+m$/);
      expect(rule.severity).toBeOneOf(["critical", "warning", "info"]);
      expect(rule.summary).toMatch(/^.{15,}\.$/);
      expect(rule.action).toMatch(/^.{20,}\.$/);
    },
  );

  test("has a name of its own", () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  });
});

describe("docs/observability.md", () => {
  const page = read("observability.md");

  test.each(Object.entries(DEFINITIONS))("explains %s and its labels", (name, { labels }) => {
    const row = page.split("\n").find((line) => line.startsWith(`| \`${name}\``)) ?? "";
    expect(row.split("|").length).toBe(5);
    for (const label of Object.keys(labels)) expect(row).toContain(`\`${label}\``);
  });

  test("names no metric that does not exist", () => {
    const named = (page.match(/\baurora_\w+/g) ?? []).map((name) => name.replace(PART, ""));
    // The data set of Analytics Engine is named like a metric.
    expect(named.filter((name) => !Object.hasOwn(METRICS, name) && name !== "aurora_metrics")).toEqual([]);
  });
});
