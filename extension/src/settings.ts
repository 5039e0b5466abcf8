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
  const configuration = ofServer();
  if (vscode.workspace.isTrusted) {
    return configuration.get<T>(key);
  }
  const values = configuration.inspect<T>(key);
  return values?.globalValue ?? values?.defaultValue;
}

/** Set what `trustedSetting` reads at the level that is in force: at a lower one it would not count. */
export async function setInForce(key: string, value: string): Promise<void> {
  const configuration = ofServer();
  const [level] = levelsOf(configuration, key);
  await configuration.update(key, value, level ?? vscode.ConfigurationTarget.Global);
}

/** Clear what `trustedSetting` reads at each level that sets it. */
export async function clearSetting(key: string): Promise<void> {
  const configuration = ofServer();
  for (const level of levelsOf(configuration, key)) {
    await configuration.update(key, undefined, level);
  }
}

/** The settings of the server are those of the first folder. */
function ofServer(): vscode.WorkspaceConfiguration {
  const scope = vscode.workspace.workspaceFolders?.[0]?.uri;
  return vscode.workspace.getConfiguration(SECTION, scope);
}

/** Return the levels that set a key, the one in force first. */
function levelsOf(
  configuration: vscode.WorkspaceConfiguration,
  key: string,
): vscode.ConfigurationTarget[] {
  const { Global, Workspace, WorkspaceFolder } = vscode.ConfigurationTarget;
  const set = configuration.inspect<string>(key);
  const levels: [vscode.ConfigurationTarget, string | undefined][] = [
    [WorkspaceFolder, set?.workspaceFolderValue],
    [Workspace, set?.workspaceValue],
    [Global, set?.globalValue],
  ];
  return levels
    .filter(
      ([level, value]) => value !== undefined && (vscode.workspace.isTrusted || level === Global),
    )
    .map(([level]) => level);
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
