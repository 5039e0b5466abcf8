import * as vscode from "vscode";
import type { WireRange } from "../../ui/protocol";
import { acceptable } from "../acceptable";
import type { Extension } from "../context";
import { fromWire, openAt } from "../navigation";
import { needEditor } from "./ask";

interface Finding {
  readonly uri: string;
  readonly rule: string;
  readonly text: string;
}

/** Open the evidence of a finding, for its code action. */
export async function openEvidence(
  _extension: Extension,
  { uri, range }: { uri: string; range: WireRange },
): Promise<void> {
  await openAt(vscode.Uri.parse(uri), fromWire(range));
}

/** Accept a finding with a reason; called from the palette, it is one of those at the cursor. */
export async function acceptFinding(extension: Extension, given?: Finding): Promise<void> {
  const finding = given ?? (await pickFinding(extension));
  if (!finding) {
    return;
  }
  const { t } = vscode.l10n;
  const reason = await vscode.window.showInputBox({
    title: t("Accept the finding {0}", finding.rule),
    prompt: t("Why is it acceptable? The reason goes into the audit log."),
    validateInput: (value) => (value.trim() === "" ? t("A reason is needed.") : undefined),
  });
  if (reason !== undefined) {
    await extension.requests.acceptFinding({ ...finding, reason: reason.trim() });
  }
}

async function pickFinding({ answers }: Extension): Promise<Finding | undefined> {
  const { document, selection } = answers.editor ?? needEditor();
  const { t } = vscode.l10n;
  const all = vscode.languages
    .getDiagnostics(document.uri)
    .filter(({ source }) => source === "nsllm");
  const here = all.filter(({ range }) => range.intersection(selection) !== undefined);
  if (all.length === 0) {
    void vscode.window.showInformationMessage(t("There are no findings in this document."));
    return undefined;
  }
  const shown = (here.length > 0 ? here : all).map((diagnostic) => ({
    rule: ruleOf(diagnostic),
    message: diagnostic.message,
    line: diagnostic.range.start.line + 1,
    words: document.getText(diagnostic.range),
    data: (diagnostic as { data?: unknown }).data,
  }));
  const items = acceptable(shown).map(({ rule, text, message, line }) => ({
    label: message,
    description: t("line {0}", line),
    detail: text.replace(/\s+/g, " ").trim(),
    finding: { uri: document.uri.toString(), rule, text },
  }));
  const choice =
    items.length === 1
      ? items[0]
      : await vscode.window.showQuickPick(items, { title: t("Which finding do you accept?") });
  return choice?.finding;
}

function ruleOf({ code }: vscode.Diagnostic): string {
  return String(typeof code === "object" ? code.value : (code ?? ""));
}
