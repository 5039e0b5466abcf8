import * as vscode from "vscode";

export const SECTION = "nsllm";

/** The sections that only this extension reads; the server reads all others. */
const OWN = new Set(["server", "trace"]);

type Sections = Readonly<Record<string, object>>;

/** Return a setting's value. */
export function setting<T>(key: string, scope?: vscode.Uri): T | undefined {
  return vscode.workspace.getConfiguration(SECTION, scope).get<T>(key);
}

/** Return a setting's value, leaving out what an untrusted workspace says. */
export function trustedSetting<T>(key: string): T | undefined {
  const scope = vscode.workspace.workspaceFolders?.[0]?.uri;
  const configuration = vscode.workspace.getConfiguration(SECTION, scope);
  if (vscode.workspace.isTrusted) {
    return configuration.get<T>(key);
  }
  const values = configuration.inspect<T>(key);
  return values?.globalValue ?? values?.defaultValue;
}

/**
 * Return what the user set of the server's settings, as `{section: {key: value}}`.
 *
 * Defaults are left out: they would hide what the workspace's nsllm.toml says.
 */
export function explicitSettings(scope?: vscode.Uri): Record<string, Record<string, unknown>> {
  const configuration = vscode.workspace.getConfiguration(SECTION, scope);
  const table: Record<string, Record<string, unknown>> = {};
  const all = vscode.workspace.getConfiguration(undefined, scope).get<Sections>(SECTION) ?? {};
  const sections = Object.entries(all).filter(([section]) => !OWN.has(section));
  for (const [section, values] of sections) {
    for (const key of Object.keys(values)) {
      const set = configuration.inspect(`${section}.${key}`);
      if ((set?.workspaceFolderValue ?? set?.workspaceValue ?? set?.globalValue) !== undefined) {
        table[section] = { ...table[section], [key]: configuration.get(`${section}.${key}`) };
      }
    }
  }
  return table;
}
