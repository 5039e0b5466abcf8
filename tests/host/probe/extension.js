// Uses NS-LLM's tools and models as another extension would, and writes down what came back.
const { renameSync, writeFileSync } = require('node:fs');
const vscode = require('vscode');

exports.activate = ({ subscriptions }) => {
  subscriptions.push(vscode.commands.registerCommand('nsllmProbe.run', () => run(process.env.NSLLM_PROBE)));
};

async function run(file) {
  const found = {};
  for (const [name, look] of Object.entries(LOOKS)) {
    found[name] = await look().then((value) => ({ value }), (error) => ({ error: String(error?.stack ?? error) }));
  }
  writeFileSync(`${file}.part`, JSON.stringify(found, null, 2));
  renameSync(`${file}.part`, file);
}

const LOOKS = {
  tools: async () => vscode.lm.tools.map(({ name }) => name).filter((name) => name.startsWith('nsllm')),
  search: () => invoke('nsllmSearch', { query: 'how many probes a relay serves', topK: 3 }),
  check: () => invoke('nsllmCheck', { text: 'A relay serves up to 48 probes.' }),
  models: async () => (await models()).map(({ id, vendor, maxInputTokens }) => ({ id, vendor, maxInputTokens })),
  tokens: async () => (await models())[0].countTokens('How many probes does a relay serve?'),
  answer: async () => {
    const [model] = await models();
    const question = vscode.LanguageModelChatMessage.User('How many probes does a relay serve?');
    const response = await model.sendRequest([question], { justification: 'The test asks one question.' });
    let text = '';
    for await (const piece of response.text) text += piece;
    return text;
  },
};

const models = () => vscode.lm.selectChatModels({ vendor: 'nsllm' });

async function invoke(name, input) {
  const { content } = await vscode.lm.invokeTool(name, { input, toolInvocationToken: undefined });
  return JSON.parse(content.map(({ value }) => value).join(''));
}
