import * as vscode from "vscode";
import type { Extension } from "../context";
import type { MissingModel } from "../requests";
import { download, isGenerator, size } from "./models";

/** Fetch all that an answer lacks, after saying what, from where, how large and on what terms. */
export async function fetchModels(extension: Extension): Promise<void> {
  const { t } = vscode.l10n;
  const { requests, panel } = extension;
  const missing = await requests.missingModels();
  if (missing.length === 0) {
    await sayThatNothingLacks();
    return;
  }
  if (!(await agree(missing))) {
    return;
  }
  try {
    for (const [index, { id }] of missing.entries()) {
      await download(requests, id, t("Fetching {0} ({1} of {2})", id, index + 1, missing.length));
    }
  } finally {
    await panel.refreshModels();
  }
  void vscode.window.showInformationMessage(
    t("The models are on this machine now. Ask a question."),
  );
}

async function agree(missing: readonly MissingModel[]): Promise<boolean> {
  const { t } = vscode.l10n;
  const fetch = t("Fetch Models");
  const other = t("Switch Model");
  const bytes = missing.reduce((sum, { download_bytes }) => sum + download_bytes, 0);
  const choice = await vscode.window.showInformationMessage(
    t("Models that an answer takes have to be fetched: {0}.", size(bytes)),
    { modal: true, detail: missing.map(line).join("\n") },
    fetch,
    // Where only the writer lacks, another one that is here does as well.
    ...(missing.every(isGenerator) ? [other] : []),
  );
  if (choice === other) {
    await vscode.commands.executeCommand("nsllm.switchModel");
  }
  return choice === fetch;
}

function line({ id, licence, download_bytes, source }: MissingModel): string {
  const { t } = vscode.l10n;
  return download_bytes > 0
    ? t("{0}: {1} from {2}, licence {3}", id, size(download_bytes), source, licence)
    : t("{0}: from {1}, licence {2}", id, source, licence);
}

/** A failure that led here may be about a model that was asked for by name. */
async function sayThatNothingLacks(): Promise<void> {
  const { t } = vscode.l10n;
  const other = t("Switch Model");
  const choice = await vscode.window.showInformationMessage(
    t("All models that an answer takes are on this machine."),
    other,
  );
  if (choice === other) {
    await vscode.commands.executeCommand("nsllm.switchModel");
  }
}
