import { expect, test } from "vitest";
import { findUncleanLabels, parseExposition, readSample, sumSamples } from "./prometheus.ts";

const COUNTER = "# HELP a_total Some.\n# TYPE a_total counter\n";
const HISTOGRAM = "# HELP b_seconds Some.\n# TYPE b_seconds histogram\n";
const SERIES = 'b_seconds_bucket{le="1"} 1\nb_seconds_bucket{le="+Inf"} 2\nb_seconds_sum 3.5\nb_seconds_count 2\n';

test("what the format allows is read", () => {
  const text = `${COUNTER}a_total{x="a \\"b\\" \\\\ \\n",y=""} 1e3\na_total{x="c",y="d"} 2\n${HISTOGRAM}${SERIES}`;
  expect([...parseExposition(text).keys()]).toEqual(["a_total", "b_seconds"]);
  expect(readSample(text, "a_total", { x: 'a "b" \\ \n', y: "" })).toBe(1000);
  expect(readSample(text, "b_seconds_sum")).toBe(3.5);
  expect(readSample(text, "a_total")).toBeUndefined();
  expect(sumSamples(text, "a_total")).toBe(1002);
});

test("labels that hold what none may are found", () => {
  const label = (text: string) => `${COUNTER}a_total{x="${text}"} 1\n`;
  for (const clean of ["/api/v1/users/:id", "0.005", "+Inf", "unauthenticated_address", "gcp"]) {
    expect(findUncleanLabels(label(clean))).toEqual([]);
  }
  for (const unclean of [crypto.randomUUID(), "/u/usr_00ff00ff00", "a@b.example", "10.1.2.3", "/a?b", "A".repeat(32)]) {
    expect(findUncleanLabels(label(unclean))).toEqual([unclean]);
  }
});

test.each([
  ["a last line that is not ended", `${COUNTER}a_total 1`],
  ["a comment of another kind", `${COUNTER}# EOF\n`],
  ["HELP twice", `${COUNTER}# HELP a_total Some.\n`],
  ["TYPE twice", `${COUNTER}# TYPE a_total counter\n`],
  ["no TYPE", "# HELP a_total Some.\na_total 1\n"],
  ["no HELP", "# TYPE a_total counter\na_total 1\n"],
  ["an unknown type", "# HELP a_total Some.\n# TYPE a_total count\n"],
  ["a sample without a family", "a_total 1\n"],
  ["a family in pieces", `${COUNTER}${HISTOGRAM}${SERIES}a_total 1\n`],
  ["a counter that is no total", "# HELP a Some.\n# TYPE a counter\na 1\n"],
  ["a counter below zero", `${COUNTER}a_total -1\n`],
  ["a counter that is NaN", `${COUNTER}a_total NaN\n`],
  ["a name with a hyphen", `${COUNTER}a-total 1\n`],
  ["a label with a hyphen", `${COUNTER}a_total{x-y="1"} 1\n`],
  ["a label twice", `${COUNTER}a_total{x="1",x="2"} 1\n`],
  ["a series twice", `${COUNTER}a_total{x="1",y="2"} 1\na_total{y="2",x="1"} 1\n`],
  ["a quote that is not escaped", `${COUNTER}a_total{x="a"b"} 1\n`],
  ["a backslash that is not escaped", `${COUNTER}a_total{x="a\\b"} 1\n`],
  ["no value", `${COUNTER}a_total \n`],
  ["a value in hex", `${COUNTER}a_total 0x1\n`],
  ["a histogram without +Inf", `${HISTOGRAM}b_seconds_bucket{le="1"} 1\nb_seconds_sum 1\nb_seconds_count 1\n`],
  ["buckets that fall", `${HISTOGRAM}${SERIES.replace('"1"} 1', '"1"} 5')}`],
  ["a count that is not the last bucket", `${HISTOGRAM}${SERIES.replace("count 2", "count 3")}`],
  ["a histogram without a sum", `${HISTOGRAM}${SERIES.replace("b_seconds_sum 3.5\n", "")}`],
  ["a reserved label", `${COUNTER}a_total{__name__="1"} 1\n`],
])("%s is refused", (_, text) => {
  expect(() => parseExposition(text)).toThrow();
});
