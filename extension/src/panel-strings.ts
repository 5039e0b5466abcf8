import * as vscode from "vscode";
import { ENGLISH, type Strings } from "../ui/strings";

/** Return the panel's words in the user's language. */
export function panelStrings(): Strings {
  const entries = Object.entries(ENGLISH).map(([key, english]) => [key, vscode.l10n.t(english)]);
  return Object.fromEntries(entries) as Strings;
}
