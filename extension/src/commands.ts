import * as vscode from "vscode";
import {
  askAboutSelection,
  askAgain,
  askHere,
  askQuestion,
  insertLastAnswer,
} from "./commands/ask";
import { checkClipboard, checkDocument, checkSelection } from "./commands/check";
import { fetchModels } from "./commands/fetch-models";
import { acceptFinding, openEvidence } from "./commands/findings";
import { rebuildIndex, showIndexStatus } from "./commands/index-folders";
import { switchModel, verifyModel } from "./commands/models";
import { searchWorkspace } from "./commands/search";
import { copyDebugInformation, openSettings, openWalkthrough } from "./commands/support";
import type { Extension } from "./context";
import { report } from "./errors";
import { chooseInterpreter } from "./interpreter";

// biome-ignore lint/suspicious/noExplicitAny: VS Code passes what the caller of a command gave.
type Command = (extension: Extension, ...args: any[]) => unknown;

/** Every command; those without a title in package.json are called by the server or by menus. */
const COMMANDS: Readonly<Record<string, Command>> = {
  "nsllm.askQuestion": askQuestion,
  "nsllm.askHere": askHere,
  "nsllm.askSelection": askAboutSelection,
  "nsllm.askAgain": askAgain,
  "nsllm.stop": ({ panel }) => panel.stop(),
  "nsllm.newSession": ({ panel }) => panel.clear(),
  "nsllm.insertLastAnswer": insertLastAnswer,
  "nsllm.search": searchWorkspace,
  "nsllm.checkDocument": checkDocument,
  "nsllm.checkSelection": checkSelection,
  "nsllm.checkClipboard": checkClipboard,
  "nsllm.acceptFinding": acceptFinding,
  "nsllm.openEvidence": openEvidence,
  "nsllm.fetchModels": fetchModels,
  "nsllm.switchModel": switchModel,
  "nsllm.verifyModel": verifyModel,
  "nsllm.rebuildIndex": rebuildIndex,
  "nsllm.showIndexStatus": showIndexStatus,
  "nsllm.showAuditLog": ({ audit }) => audit.show(),
  "nsllm.restartServer": ({ server }) => server.restart(),
  "nsllm.chooseInterpreter": chooseInterpreter,
  "nsllm.showLogs": ({ log }) => log.show(),
  "nsllm.showServerLogs": ({ serverLog }) => serverLog.show(),
  "nsllm.copyDebugInformation": copyDebugInformation,
  "nsllm.openSettings": openSettings,
  "nsllm.openWalkthrough": openWalkthrough,
  "nsllm.thread.ask": ({ threads }, reply) => threads.ask(reply),
  "nsllm.thread.insert": ({ threads }, thread) => threads.insert(thread),
  "nsllm.thread.stop": ({ threads }, thread) => threads.stop(thread),
  "nsllm.thread.discard": ({ threads }, thread) => threads.discard(thread),
};

export function registerCommands(extension: Extension): void {
  for (const [id, command] of Object.entries(COMMANDS)) {
    const run = async (...args: unknown[]): Promise<void> => {
      try {
        await command(extension, ...args);
      } catch (error) {
        // Not awaited: a message that is left standing must not keep the command running.
        void report(error, extension.log);
      }
    };
    extension.context.subscriptions.push(vscode.commands.registerCommand(id, run));
  }
}
