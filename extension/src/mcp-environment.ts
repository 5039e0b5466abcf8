/** The editor's settings for a process that is not told them by an editor. Pure. */

type Sections = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/**
 * Return `NSLLM_SECTION_KEY` variables for settings given as `{section: {key: value}}`. Tables have
 * no variable: they are read from nsllm.toml alone.
 */
export function environmentOf(settings: Sections, separator: string): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const [section, values] of Object.entries(settings)) {
    for (const [key, value] of Object.entries(values)) {
      const text = textOf(value, separator);
      if (text !== undefined) {
        variables[`NSLLM_${section}_${key}`.toUpperCase()] = text;
      }
    }
  }
  return variables;
}

function textOf(value: unknown, separator: string): string | undefined {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
    return String(value);
  }
  const isList = Array.isArray(value) && value.every((one) => typeof one === "string");
  return isList ? value.join(separator) : undefined;
}
