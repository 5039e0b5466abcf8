// Opens VS Code with the packaged extension on a folder, for a human; Ctrl-C ends it.
//
//   node tests/host/open.mjs FOLDER NSLLM_HOME [PORT]
import { basename, join } from 'node:path';
import { findVsix, installVsix, INTERPRETER, makeProfile, startCodeServer, temporary } from './vscode.mjs';

const [folder, nsllmHome, port] = process.argv.slice(2);
if (!folder || !nsllmHome) {
  console.error('usage: node tests/host/open.mjs FOLDER NSLLM_HOME [PORT]');
  process.exit(2);
}
const own = temporary('vscode');
let server;
const stopped = new Promise((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, resolve);
});
try {
  const profile = makeProfile(own.folder, {
    extensions: join(own.folder, 'extensions'),
    user: { 'security.workspace.trust.enabled': false },
    machine: { 'nsllm.server.interpreter': INTERPRETER },
  });
  const vsix = findVsix();
  console.log(`Installing ${basename(vsix)}`);
  await installVsix(profile, vsix);
  server = await startCodeServer(profile, { env: { NSLLM_HOME: nsllmHome }, port: port ? Number(port) : undefined });
  console.log(`\nVS Code is open on ${folder}:\n\n  ${server.url}/?folder=${encodeURIComponent(folder)}\n\nCtrl-C ends it.`);
  await stopped;
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  await server?.stop();
  own.remove();
}
process.exit();
