import { expect, test } from "vitest";
import { distributions, parseMetrics, total, totals } from "../../extension/page/prometheus";

const TEXT = `# HELP nsllm_answers_total Answers.
# TYPE nsllm_answers_total counter
nsllm_answers_total{cached="false",mode="extract",verdict="pass"} 3.0
nsllm_answers_total{cached="true",mode="extract",verdict="pass"} 2.0
nsllm_answers_total{cached="false",mode="generate",verdict="warn"} 1.0
nsllm_requests_running 2.0
seconds_bucket{le="0.1",stage="read"} 5.0
seconds_bucket{le="0.5",stage="read"} 9.0
seconds_bucket{le="1.0",stage="read"} 9.0
seconds_bucket{le="+Inf",stage="read"} 10.0
seconds_count{stage="read"} 10.0
seconds_sum{stage="read"} 4.0
seconds_count{stage="never"} 0.0
odd{text="a \\"b\\" {c} \\\\ \\n"} 1e-05
`;
const SAMPLES = parseMetrics(TEXT);

test("samples have a name, labels and a value", () => {
  expect(SAMPLES).toHaveLength(12);
  expect(SAMPLES.find(({ name }) => name === "nsllm_requests_running")).toEqual({
    name: "nsllm_requests_running",
    labels: {},
    value: 2,
  });
  expect(SAMPLES.at(-1)).toEqual({ name: "odd", labels: { text: 'a "b" {c} \\ \n' }, value: 1e-5 });
});

test("samples add up, all or by a label", () => {
  expect(total(SAMPLES, "nsllm_answers_total")).toBe(6);
  expect(total(SAMPLES, "nsllm_answers_total", ({ cached }) => cached === "true")).toBe(2);
  expect(totals(SAMPLES, "nsllm_answers_total", "verdict")).toEqual([
    ["pass", 5],
    ["warn", 1],
  ]);
});

test("a median lies within its bucket; beyond the last bound it is that bound", () => {
  const [[stage, found] = []] = distributions(SAMPLES, "seconds", "stage");
  expect(stage).toBe("read");
  // Rank 5 of 10 is the end of the first bucket; rank 9.5 is beyond the last finite bound.
  expect(found).toEqual({ count: 10, mean: 0.4, median: 0.1, p95: 1 });
  expect(distributions(SAMPLES, "seconds", "stage")).toHaveLength(1);
});
