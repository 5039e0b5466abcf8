-- Drive the server from a real Neovim (0.7 or newer) and write down what came of it.
-- NSLLM_TEST is JSON: {python, home, root, file, out}.
local test = vim.json.decode(vim.env.NSLLM_TEST)

local function run()
  vim.cmd("edit " .. vim.fn.fnameescape(test.file))
  local settings = { check = { folders = { "docs/**" } } }
  local id = vim.lsp.start_client({
    name = "nsllm",
    cmd = { test.python, "-m", "nsllm", "lsp" },
    cmd_env = { NSLLM_HOME = test.home },
    root_dir = test.root,
    settings = { nsllm = settings },
    -- Before 0.8, Neovim does not answer questions about its settings.
    init_options = { settings = settings },
  })
  vim.lsp.buf_attach_client(0, id)
  local function found()
    return #vim.diagnostic.get(0) > 0
  end
  assert(vim.wait(100000, found, 50), "no diagnostic came")
  local diagnostic = vim.diagnostic.get(0)[1]
  local client = vim.lsp.get_client_by_id(id)
  local place = {
    textDocument = { uri = vim.uri_from_bufnr(0) },
    position = { line = diagnostic.lnum, character = diagnostic.col },
  }
  local hover = client.request_sync("textDocument/hover", place, 10000, 0)
  local actions = client.request_sync("textDocument/codeAction", {
    textDocument = place.textDocument,
    range = { start = place.position, ["end"] = place.position },
    context = { diagnostics = {} },
  }, 10000, 0)
  for _, action in ipairs(actions.result) do
    if action.title == "Replace with what the source says" then
      vim.lsp.util.apply_workspace_edit(action.edit, client.offset_encoding)
    end
  end
  assert(vim.wait(100000, function() return not found() end, 50), "the diagnostic stayed")
  return {
    message = diagnostic.message,
    from = diagnostic.col,
    to = diagnostic.end_col,
    hover = hover.result.contents.value,
    text = vim.api.nvim_buf_get_lines(0, 0, -1, true),
  }
end

local fine, result = pcall(run)
local file = io.open(test.out, "w")
file:write(vim.json.encode(fine and result or { error = tostring(result) }))
file:close()
vim.lsp.stop_client(vim.lsp.get_active_clients())
vim.cmd("qall!")
