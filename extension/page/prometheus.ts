/** One figure of Prometheus's text format. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What a histogram tells of one of its series, in the histogram's unit. */
export interface Distribution {
  readonly count: number;
  readonly mean: number;
  readonly median: number;
  readonly p95: number;
}

const SAMPLE = /^([\w:]+)(?:\{(.*)\})? (\S+)/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** Read the samples of a text in Prometheus's format; comments are left out. */
export function parseMetrics(text: string): Sample[] {
  return text.split("\n").flatMap((line) => {
    const [, name, labels = "", value] = SAMPLE.exec(line) ?? [];
    if (name === undefined || value === undefined) {
      return [];
    }
    const pairs = [...labels.matchAll(LABEL)].map(([, key = "", raw = ""]) => [
      key,
      unescaped(raw),
    ]);
    return [{ name, labels: Object.fromEntries(pairs), value: number(value) }];
  });
}

/** Add up the samples of a name, all of them or those that `chosen` takes. */
export function total(
  samples: readonly Sample[],
  name: string,
  chosen: (labels: Sample["labels"]) => boolean = () => true,
): number {
  return samples
    .filter((one) => one.name === name && chosen(one.labels))
    .reduce((sum, one) => sum + one.value, 0);
}

/** Add up the samples of a name by the values of a label. */
export function totals(
  samples: readonly Sample[],
  name: string,
  label: string,
): [string, number][] {
  const sums = new Map<string, number>();
  for (const { labels, value } of samples.filter((one) => one.name === name)) {
    const key = labels[label] ?? "";
    sums.set(key, (sums.get(key) ?? 0) + value);
  }
  return [...sums];
}

/** Describe each series of a histogram by the values of its label. */
export function distributions(
  samples: readonly Sample[],
  name: string,
  label: string,
): [string, Distribution][] {
  return totals(samples, `${name}_count`, label)
    .filter(([, count]) => count > 0)
    .map(([key, count]): [string, Distribution] => {
      const isOurs = (labels: Sample["labels"]): boolean => labels[label] === key;
      const buckets = samples
        .filter((one) => one.name === `${name}_bucket` && isOurs(one.labels))
        .map(({ labels, value }) => ({ upTo: number(labels["le"] ?? ""), count: value }))
        .toSorted((a, b) => a.upTo - b.upTo);
      const mean = total(samples, `${name}_sum`, isOurs) / count;
      return [key, { count, mean, median: quantile(buckets, 0.5), p95: quantile(buckets, 0.95) }];
    });
}

/**
 * Estimate a quantile from cumulative buckets as Prometheus's `histogram_quantile` does: linearly
 * within the bucket that it falls into; beyond the last finite bound it is that bound.
 */
function quantile(
  buckets: readonly { readonly upTo: number; readonly count: number }[],
  share: number,
): number {
  const rank = share * (buckets.at(-1)?.count ?? 0);
  const index = buckets.findIndex(({ count }) => count >= rank);
  const bucket = buckets[index];
  const below = buckets[index - 1] ?? { upTo: 0, count: 0 };
  if (!bucket || !Number.isFinite(bucket.upTo) || bucket.count === below.count) {
    return below.upTo;
  }
  const within = (rank - below.count) / (bucket.count - below.count);
  return below.upTo + (bucket.upTo - below.upTo) * within;
}

function number(text: string): number {
  return text === "+Inf" ? Number.POSITIVE_INFINITY : Number(text);
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (_, char: string) => (char === "n" ? "\n" : char));
}
