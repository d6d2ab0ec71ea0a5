import { describe, expect, test } from "vitest";
import { BUCKETS, METRICS, type MetricDefinition } from "../../src/domain/metric.ts";
import { renderExposition } from "../../src/domain/metric-exposition.ts";
import { isSeriesOf, shapeOf, sizeOf } from "../../src/domain/metric-series.ts";
import type { Metrics } from "../../src/domain/ports/metrics.ts";
import { parseExposition, readSample } from "../support/prometheus.ts";

const DEFINITIONS: readonly (readonly [string, MetricDefinition])[] = Object.entries(METRICS);
const PROVIDERS = ["aws", "gcp"];
const ROUTES = "aurora_http_request_duration_seconds";

function family(name: keyof typeof METRICS, ...series: [string[], number[]][]) {
  return { name, shape: shapeOf(METRICS[name]), series: series.map(([values, numbers]) => ({ values, numbers })) };
}

describe("every metric", () => {
  test.each(DEFINITIONS)(
    "%s is named by what it counts, with its unit, and its labels by what they part",
    (name, one) => {
      expect(name).toMatch(one.kind === "counter" ? /^aurora_[a-z_]+_total$/ : /^aurora_[a-z_]+_seconds$/);
      expect(one.help).toMatch(/^[A-Z][^\n\\]+\.$/);
      for (const label of Object.keys(one.labels)) expect(label).toMatch(/^(?!(?:le|job|instance)$)[a-z]+$/);
    },
  );

  test("has no label whose texts a caller could choose", () => {
    const open = DEFINITIONS.flatMap(([, { labels }]) => Object.values(labels)).filter(
      (rule) => typeof rule === "string",
    );
    expect([...new Set(open)].sort()).toEqual(["provider", "route"]);
  });

  test("is known to the compiler, with its labels", () => {
    const compile = (metrics: Metrics) => {
      metrics.count("aurora_audit_losses_total", {});
      metrics.count("aurora_refreshes_total", { provider: "aws", outcome: "renewed" });
      // @ts-expect-error: no such metric.
      metrics.count("aurora_nothing_total", {});
      // @ts-expect-error: a histogram is not counted.
      metrics.count("aurora_refresh_duration_seconds", { provider: "aws" });
      // @ts-expect-error: a label is missing.
      metrics.count("aurora_refreshes_total", { provider: "aws" });
      // @ts-expect-error: no such label.
      metrics.count("aurora_refreshes_total", { provider: "aws", outcome: "renewed", user: "x" });
      // @ts-expect-error: no label at all is known there.
      metrics.count("aurora_audit_losses_total", { user: "x" });
      // @ts-expect-error: no such outcome.
      metrics.count("aurora_refreshes_total", { provider: "aws", outcome: "guessed" });
    };
    expect(compile).toBeTypeOf("function");
  });
});

describe("the text for Prometheus", () => {
  test("is read by a strict reader, whatever was counted", () => {
    const seen = Object.entries(METRICS).map(([name, definition]) => {
      const values = Object.values(definition.labels as MetricDefinition["labels"]).map((rule) =>
        typeof rule === "string" ? "slack" : (rule[0] ?? ""),
      );
      return { name, shape: "", series: [{ values, numbers: Array<number>(sizeOf(definition)).fill(0.1) }] };
    });
    for (const totals of [[], seen]) {
      const families = parseExposition(renderExposition(totals, PROVIDERS));
      expect([...families.keys()]).toEqual(Object.keys(METRICS));
    }
  });

  test("shows from the start, as 0, what may be counted, so that the first time is a rise", () => {
    const text = renderExposition([], PROVIDERS);
    expect(readSample(text, "aurora_database_failures_total")).toBe(0);
    expect(readSample(text, "aurora_refreshes_total", { provider: "gcp", outcome: "refused" })).toBe(0);
    const failed = { operation: "write", outcome: "failed" };
    expect(readSample(text, "aurora_vault_request_duration_seconds_count", failed)).toBe(0);
    expect(parseExposition(text).get(ROUTES)?.samples).toEqual([]);
  });

  test("adds the buckets of a histogram up and ends with +Inf", () => {
    const numbers = [1, 2, ...Array<number>(BUCKETS.length - 2).fill(0), 4, 123.25];
    const text = renderExposition([family(ROUTES, [["GET", "/a/:id", "2xx"], numbers])], PROVIDERS);
    const labels = { method: "GET", route: "/a/:id", status: "2xx" };
    expect(readSample(text, `${ROUTES}_bucket`, { ...labels, le: "0.005" })).toBe(1);
    expect(readSample(text, `${ROUTES}_bucket`, { ...labels, le: "10" })).toBe(3);
    expect(readSample(text, `${ROUTES}_bucket`, { ...labels, le: "+Inf" })).toBe(7);
    expect(readSample(text, `${ROUTES}_count`, labels)).toBe(7);
    expect(readSample(text, `${ROUTES}_sum`, labels)).toBe(123.25);
  });

  test("escapes what a label holds", () => {
    const text = renderExposition([family("aurora_refreshes_total", [['a"\\\n', "renewed"], [2]])], []);
    expect(text).toContain('{provider="a\\"\\\\\\n",outcome="renewed"} 2\n');
    expect(readSample(text, "aurora_refreshes_total", { provider: 'a"\\\n', outcome: "renewed" })).toBe(2);
  });
});

describe("a series is not taken with", () => {
  const numbers = Array<number>(BUCKETS.length + 2).fill(0);
  const route = (text: string) => ({ values: ["GET", text, "2xx"], numbers });
  test.each([
    ["an id in its route", route(`/a/usr_${"0a".repeat(16)}`)],
    ["a UUID in its route", route(`/a/${crypto.randomUUID()}`)],
    ["an email in its route", route("/a/person@example.com")],
    ["a query in its route", route("/a?b=c")],
    ["a line in its route", route("/a\nb")],
    ["a long route", route(`/${"a".repeat(200)}`)],
    ["a method nobody knows", { values: ["BREW", "/a", "2xx"], numbers }],
    ["a label too few", { values: ["GET", "/a"], numbers }],
    ["a bucket too few", { values: ["GET", "/a", "2xx"], numbers: numbers.slice(1) }],
    ["a number below zero", { values: ["GET", "/a", "2xx"], numbers: numbers.with(0, -1) }],
    ["a number that is none", { values: ["GET", "/a", "2xx"], numbers: numbers.with(0, Number.NaN) }],
  ])("%s", (_, series) => {
    expect(isSeriesOf(METRICS[ROUTES], route("/api/v1/proxy/:connection_id/:path{.+}"))).toBe(true);
    expect(isSeriesOf(METRICS[ROUTES], series)).toBe(false);
  });

  test("an id as its provider", () => {
    const named = (text: string) =>
      isSeriesOf(METRICS.aurora_refreshes_total, { values: [text, "renewed"], numbers: [1] });
    expect(named("gcp")).toBe(true);
    expect(named(`con_${"0a".repeat(16)}`)).toBe(false);
    expect(named("person@example.com")).toBe(false);
  });
});
