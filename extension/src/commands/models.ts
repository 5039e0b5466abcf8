import * as vscode from "vscode";
import type { Model } from "../../ui/protocol";
import type { Extension } from "../context";
import type { Requests } from "../requests";

interface ModelItem extends vscode.QuickPickItem {
  readonly model: Model;
}

/** Choose the model that writes answers; one that is not here yet is fetched after asking. */
export async function switchModel(extension: Extension, id?: unknown): Promise<void> {
  const models = await generators(extension);
  const given = models.find((model) => model.id === id);
  const model =
    given ?? (await pickModel(models, vscode.l10n.t("Which model shall write answers?")));
  if (!model) {
    return;
  }
  if (!model.installed && !(await pull(extension, model))) {
    return;
  }
  await extension.requests.models("use", model.id);
  await extension.panel.refreshModels();
  void vscode.window.showInformationMessage(
    vscode.l10n.t("Answers are now written by {0}.", model.id),
  );
}

/** Verify the files of a model, and let it sit the reading exam that decides whether it writes. */
export async function verifyModel(extension: Extension): Promise<void> {
  const { t } = vscode.l10n;
  const installed = (await generators(extension)).filter((model) => model.installed);
  const model = await pickModel(installed, t("Which model shall be verified?"));
  if (!model) {
    return;
  }
  const models = await vscode.window.withProgress(
    {
      location: vscode.ProgressLocation.Notification,
      title: t("Verifying {0}", model.id),
      cancellable: true,
    },
    (progress, token) => extension.requests.models("verify", model.id, progress, token),
  );
  await extension.panel.refreshModels();
  const verified = models.find(({ id }) => id === model.id) ?? model;
  void vscode.window.showInformationMessage(`${model.id}: ${describeExam(verified)}`);
}

/** Return the models that write answers. */
export async function generators({
  requests,
}: Pick<Extension, "requests">): Promise<readonly Model[]> {
  const models = await requests.models("list");
  return models.filter(isGenerator);
}

export function isGenerator({ task }: Pick<Model, "task">): boolean {
  return task.startsWith("generat");
}

async function pickModel(models: readonly Model[], title: string): Promise<Model | undefined> {
  const items = models.map(
    (model): ModelItem => ({
      label: `${model.in_use ? "$(check) " : ""}${model.id}`,
      description: describeExam(model),
      detail: [
        ...(model.remote
          ? [vscode.l10n.t("questions and passages are sent to {0}", model.remote)]
          : []),
        model.installed
          ? vscode.l10n.t("installed")
          : vscode.l10n.t("to download: {0}", size(model.disk_bytes)),
        // 0 until the model has run once and was measured.
        ...(model.memory_bytes > 0
          ? [vscode.l10n.t("{0} of memory", size(model.memory_bytes))]
          : []),
        vscode.l10n.t("licence {0}", model.licence),
      ].join(" · "),
      model,
    }),
  );
  const choice = await vscode.window.showQuickPick(items, {
    title,
    matchOnDescription: true,
  });
  return choice?.model;
}

function describeExam({ exam }: Model): string {
  const { t } = vscode.l10n;
  if (!exam) {
    return t("reading exam not taken");
  }
  const percent = Math.round(exam.score * 100);
  return exam.passed
    ? t("reading exam passed: {0} %", percent)
    : t("reading exam failed: {0} %", percent);
}

async function pull({ requests }: Extension, model: Model): Promise<boolean> {
  const { t } = vscode.l10n;
  const agreed = t("Download");
  const choice = await vscode.window.showInformationMessage(
    t("{0} is not on this machine.", model.id),
    {
      modal: true,
      detail: t("It is {0} large, under the licence {1}.", size(model.disk_bytes), model.licence),
    },
    agreed,
  );
  if (choice !== agreed) {
    return false;
  }
  await download(requests, model.id, t("Downloading {0}", model.id));
  return true;
}

/** Fetch a model, and show under a title how far it is. */
export async function download(requests: Requests, id: string, title: string): Promise<void> {
  await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title, cancellable: true },
    (progress, token) => requests.models("pull", id, progress, token),
  );
}

export function size(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.round(bytes / 1e6)} MB`;
}
